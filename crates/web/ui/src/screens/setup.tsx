import { useState } from 'preact/hooks';
import { ask, request, type Schemas } from '../api/client';
import { useLive } from '../api/use-live';
import { useQuestion } from '../api/use-question';
import { freshClient } from '../fresh';
import * as format from '../lib/format';
import { BASE } from '../lib/place';
import { currentRoute, here, navigate, projectPath } from '../lib/route';
import { useBase, useProject, useSession, useZone } from '../ui/context';
import { DataTable } from '../ui/data-table';
import { Answer, Code, Empty, Field, Panel, Problem, Tabs, Take, useForm } from '../ui/parts';
import { allowsHost, needsSecret, snippet, SNIPPETS, type SnippetName } from './snippets';

const WATCH_MS = 3000;

export function Setup() {
  const project = useProject();
  const root = useSession().session.client.type === 'root';
  return (
    <>
      <div class="toolbar" />
      <Arrival />
      <Snippet />
      {root && <Origins projectId={project.id} />}
      {root && <Diagnostics projectId={project.id} />}
    </>
  );
}

/** Waits for the first event, and turns into numbers when it is there. */
function Arrival() {
  const project = useProject();
  const zone = useZone();
  const latest = useQuestion(
    ask('/insights/{projectId}/events', { projectId: project.id }, { limit: 1, startDate: '2000-01-01' }),
    WATCH_MS,
  );
  const visitors = useLive(project.id, true, latest.refresh, latest.refresh);
  const event = latest.data?.[0];
  return (
    <section class="panel arrival">
      <Answer state={latest} rows={2}>
        {() =>
          event ? (
            <div class="arrival-row">
              <div>
                <h2 class="live-title" aria-live="polite">
                  <i class="beacon on" aria-hidden="true" />
                  Events arrive
                </h2>
                <p class="muted">
                  The latest is <bdi class="strong">{event.name}</bdi>
                  {event.path && (
                    <>
                      {' '}
                      on <bdi class="text path">{event.path}</bdi>
                    </>
                  )}
                  , {format.ago(event.created_at)} ({format.moment(event.created_at, zone)}).
                  {visitors ? ` ${format.count(visitors)} ${visitors === 1 ? 'visitor is' : 'visitors are'} there now.` : ''}
                </p>
              </div>
              <a class="button primary" href={projectPath(project.id, 'overview', '?range=today')}>
                See the numbers
              </a>
            </div>
          ) : (
            <div>
              <h2 class="live-title" aria-live="polite">
                <i class="beacon" aria-hidden="true" />
                Waiting for the first event
              </h2>
              <p class="muted">
                Put the snippet into your pages, or run one of the others, and open a page. This changes the moment something arrives.
              </p>
            </div>
          )
        }
      </Answer>
    </section>
  );
}

function Snippet() {
  const project = useProject();
  const base = useBase();
  const root = useSession().session.client.type === 'root';
  const named = SNIPPETS.find(([name]) => name === currentRoute().query.get('snippet'))?.[0] ?? 'browser';
  const [chosen, setChosen] = useState<string | null>(null);
  const clients = useQuestion(root ? ask('/manage/clients', {}, { projectId: project.id }) : null);
  const usable = (clients.data?.data as Schemas['Client'][] | undefined)?.filter(client => client.type === 'write' && client.enabled) ?? [];
  const fresh = freshClient(project.id);
  const clientId = chosen ?? fresh?.id ?? usable.at(-1)?.id ?? null;
  const secret = fresh && fresh.id === clientId ? fresh.secret : null;
  const waiting = root && !fresh && clients.data === undefined;
  return (
    <Panel
      title="Send events"
      actions={
        usable.length > 1 && (
          <select aria-label="Client of the snippet" value={clientId ?? ''} onChange={event => setChosen(event.currentTarget.value)}>
            {usable.map(client => (
              <option key={client.id} value={client.id}>
                {client.name}
              </option>
            ))}
          </select>
        )
      }
    >
      <Tabs
        label="Language"
        tabs={SNIPPETS}
        value={named}
        onChange={(name: SnippetName) => navigate(here({ snippet: name === 'browser' ? null : name }), 'replace')}
      />
      {waiting ? (
        <Answer state={clients} rows={6}>
          {() => null}
        </Answer>
      ) : (
        <Code text={snippet(named, { base, clientId: clientId ?? 'YOUR_CLIENT_ID', secret })} label="Snippet" />
      )}
      <p class="muted small table-note">
        {named === 'browser' ? 'Put it into the <head> of every page. ' : ''}
        {!root && 'Ask an administrator for the id of a write client. '}
        {root && !waiting && !clientId && (
          <>
            This project has no write client: <a href={`${BASE}manage/clients?project=${encodeURIComponent(project.id)}`}>make one</a>.{' '}
          </>
        )}
        {needsSecret(named) &&
          (secret ? (
            'The secret is shown until you close this page: keep it now.'
          ) : (
            <>
              The secret was shown when the client was made.
              {root && (
                <>
                  {' '}
                  A lost one can be <a href={`${BASE}manage/clients?project=${encodeURIComponent(project.id)}`}>replaced</a>.
                </>
              )}
            </>
          ))}
      </p>
    </Panel>
  );
}

/** Which pages may send events, a check for one, and the way to allow it. */
function Origins({ projectId }: { projectId: string }) {
  const state = useQuestion(ask('/manage/projects/{id}', { id: projectId }));
  const [origin, setOrigin] = useState('');
  const form = useForm();
  const add = (cors: string[]) =>
    form.run(async () => {
      await request('PATCH', `/manage/projects/${encodeURIComponent(projectId)}`, { cors: [...cors, origin.trim()] });
      state.refresh();
    });
  return (
    <Panel title="Pages that may send events">
      <Answer state={state} rows={2}>
        {answer => {
          const cors = (answer.data as Schemas['Project']).cors;
          const asked = origin.trim();
          const allowed = asked && cors.some(entry => allowsHost(entry, asked));
          return (
            <>
              <p class="chips">
                {cors.length ? (
                  cors.map(entry => (
                    <code key={entry} class="tag">
                      {entry}
                    </code>
                  ))
                ) : (
                  <span class="muted">None yet: browsers are refused without a secret.</span>
                )}
              </p>
              <form
                class="inline-form"
                onSubmit={event => {
                  event.preventDefault();
                  if (asked && !allowed) void add(cors);
                }}
              >
                <Field label="Check an origin" error={form.problemOf('cors')}>
                  {(id, note) => (
                    <input
                      id={id}
                      placeholder="https://shop.example"
                      aria-describedby={note}
                      value={origin}
                      onInput={event => setOrigin(event.currentTarget.value)}
                    />
                  )}
                </Field>
                <p class="verdict" aria-live="polite">
                  {asked &&
                    (allowed ? (
                      <span class="good">This origin is allowed.</span>
                    ) : (
                      <>
                        <span class="bad">This origin is not allowed.</span>{' '}
                        <button type="submit" class="button" disabled={form.busy}>
                          Add it
                        </button>
                      </>
                    ))}
                </p>
              </form>
              {form.error && form.error.details.length === 0 && <Problem error={form.error} />}
            </>
          );
        }}
      </Answer>
    </Panel>
  );
}

function Diagnostics({ projectId }: { projectId: string }) {
  const question = ask('/manage/projects/{id}/track/diagnostics', { id: projectId });
  const state = useQuestion(question, WATCH_MS * 5);
  const zone = useZone();
  const rowsOf = (data: unknown) => (data as { data: Schemas['Diagnostic'][] }).data;
  const detail = (row: Schemas['Diagnostic']) =>
    (row.details as { path: (string | number)[]; message: string }[]).map(one => `${one.path.join('.')}: ${one.message}`).join('; ');
  return (
    <Panel
      title="Requests that were refused or changed"
      actions={
        <Take
          path={question.path}
          file={`${projectId}-diagnostics`}
          csv={
            state.data &&
            (() => ({
              head: ['at', 'count', 'outcome', 'event', 'message', 'details'],
              rows: rowsOf(state.data).map(row => [row.at, row.count, row.outcome, row.event, row.message, detail(row)]),
            }))
          }
        />
      }
    >
      <Answer
        state={state}
        rows={3}
        empty={data => (rowsOf(data).length ? null : <Empty title="None">Nothing was refused since the server started.</Empty>)}
      >
        {data => (
          <DataTable
            caption="Requests that were refused or changed"
            rows={rowsOf(data)}
            keyOf={(row, i) => row.at + i}
            columns={[
              {
                head: 'What',
                cell: row => (
                  <div class="wrap">
                    <span class={`tag ${row.outcome === 'refused' ? 'bad' : ''}`}>{row.outcome}</span> {row.message}
                    {row.details.length > 0 && <div class="muted small">{detail(row)}</div>}
                  </div>
                ),
              },
              { head: 'Event', cell: row => <bdi class="text cell">{row.event ?? '–'}</bdi>, wide: true },
              { head: 'Times', cell: row => format.count(row.count), number: true },
              {
                head: 'Last',
                number: true,
                cell: row => (
                  <time dateTime={row.at} title={format.moment(row.at, zone, true)}>
                    {format.ago(row.at)}
                  </time>
                ),
              },
            ]}
          />
        )}
      </Answer>
    </Panel>
  );
}
