import { ask, type Schemas } from '../../api/client';
import { useQuestion } from '../../api/use-question';
import * as format from '../../lib/format';
import { currentRoute, here, navigate } from '../../lib/route';
import { useSession, useZone } from '../../ui/context';
import { DataTable } from '../../ui/data-table';
import { Answer, Empty, Panel, Take, Text } from '../../ui/parts';

type Entry = Schemas['AuditEntry'];
const RESOURCES = ['project', 'client', 'reference', 'profile', 'organization'] as const;

function changesOf(entry: Entry): string {
  return Object.entries(entry.changes as Record<string, { from: unknown; to: unknown }>)
    .filter(([, change]) => JSON.stringify(change.from) !== JSON.stringify(change.to))
    .map(([field, change]) =>
      change.from === null || change.from === undefined
        ? `${field}: ${JSON.stringify(change.to)}`
        : `${field}: ${JSON.stringify(change.from)} → ${JSON.stringify(change.to)}`,
    )
    .join(', ');
}

export function Audit() {
  const { session } = useSession();
  const zone = useZone();
  const { query } = currentRoute();
  const resource = RESOURCES.find(name => name === query.get('resource')) ?? null;
  const question = ask('/manage/audit', {}, { limit: 50, cursor: query.get('cursor'), resource });
  const state = useQuestion(question);
  const rowsOf = (data: typeof state.data) => (data?.data ?? []) as Entry[];
  const next = state.data?.meta?.nextCursor;
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <select
            aria-label="What was changed"
            value={resource ?? ''}
            onChange={event => navigate(here({ resource: event.currentTarget.value || null, cursor: null }))}
          >
            <option value="">All changes</option>
            {RESOURCES.map(name => (
              <option key={name} value={name}>
                {name[0]!.toUpperCase() + name.slice(1)}s
              </option>
            ))}
          </select>
        </div>
      </div>
      <Panel
        title="Who changed what"
        stale={state.stale}
        actions={
          <Take
            path={question.path}
            file="audit"
            csv={
              state.data &&
              (() => ({
                head: ['at', 'client', 'action', 'resource', 'changes', 'address'],
                rows: rowsOf(state.data).map(one => [one.at, one.clientId, one.action, one.resourceId, changesOf(one), one.peerAddress]),
              }))
            }
          />
        }
      >
        <Answer state={state} rows={10} empty={data => (rowsOf(data).length ? null : <Empty title="No changes" />)}>
          {data => (
            <DataTable
              caption="Changes"
              rows={rowsOf(data)}
              keyOf={one => one.id}
              columns={[
                { head: 'When', cell: one => <span class="nowrap">{format.moment(one.at, zone)}</span> },
                { head: 'Action', cell: one => <span class="tag">{one.action.replace('.', ' ')}</span> },
                {
                  head: 'What',
                  cell: one => (
                    <div class="two-lines">
                      <Text>{one.resourceId}</Text>
                      <Text class="muted small">{changesOf(one)}</Text>
                    </div>
                  ),
                },
                {
                  head: 'By',
                  cell: one => (
                    <Text>
                      {one.clientId === null
                        ? 'the server'
                        : one.clientId === session.client.id
                          ? session.client.name
                          : (one.clientId ?? '')}
                    </Text>
                  ),
                  wide: true,
                },
                { head: 'From', cell: one => one.peerAddress ?? '–', wide: true },
              ]}
            />
          )}
        </Answer>
        <div class="pager">
          {query.get('cursor') && (
            <a class="button" href={here({ cursor: null })}>
              Newest
            </a>
          )}
          {next && (
            <a class="button" href={here({ cursor: next })}>
              Older
            </a>
          )}
        </div>
      </Panel>
    </>
  );
}
