import { ask } from '../api/client';
import { useQuestion } from '../api/use-question';
import * as format from '../lib/format';
import { currentRoute, here, navigate } from '../lib/route';
import { useProject, useZone } from '../ui/context';
import { DataTable } from '../ui/data-table';
import { Facts, groupHref, personHref } from '../ui/event-list';
import { Icon } from '../ui/icons';
import { Answer, Empty, Panel, Take, Text } from '../ui/parts';
import { currentPage, Pager, Search } from '../ui/search';

const PAGE = 50;
const MEMBERS = 50;

export function Groups() {
  const group = currentRoute().query.get('group');
  return group ? <OneGroup key={group} id={group} /> : <List />;
}

function List() {
  const project = useProject();
  const zone = useZone();
  const { query } = currentRoute();
  const page = currentPage();
  const types = useQuestion(ask('/insights/{projectId}/groups/types', { projectId: project.id }));
  const question = ask(
    '/insights/{projectId}/groups',
    { projectId: project.id },
    { search: query.get('q'), type: query.get('type'), limit: PAGE, cursor: page === 1 ? null : page },
  );
  const state = useQuestion(question);
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          {types.data && types.data.types.length > 1 && (
            <select
              aria-label="Type"
              value={query.get('type') ?? ''}
              onChange={event => navigate(here({ type: event.currentTarget.value || null, page: null }))}
            >
              <option value="">All types</option>
              {types.data.types.map(type => (
                <option key={type} value={type}>
                  {type}
                </option>
              ))}
            </select>
          )}
          <Search label="Search by name or id" />
        </div>
      </div>
      <Panel
        title="Newest first"
        stale={state.stale}
        actions={
          <Take
            path={question.path}
            file={`${project.id}-groups`}
            csv={
              state.data &&
              (() => ({
                head: ['id', 'type', 'name', 'created'],
                rows: state.data!.map(one => [one.id, one.type, one.name, one.createdAt]),
              }))
            }
          />
        }
      >
        <Answer
          state={state}
          rows={8}
          empty={data =>
            data.length ? null : (
              <Empty title="No groups">
                A group is a company, a team or a family that people belong to: your site tells of it with <code>op.setGroup</code>.
              </Empty>
            )
          }
        >
          {data => (
            <DataTable
              caption="Groups"
              rows={data}
              keyOf={one => one.id}
              columns={[
                {
                  head: 'Name',
                  cell: one => (
                    <a href={groupHref(project.id, one.id)}>
                      <Text>{one.name || one.id}</Text>
                    </a>
                  ),
                },
                {
                  head: 'Type',
                  cell: one => (
                    <span class="tag">
                      <bdi>{one.type}</bdi>
                    </span>
                  ),
                },
                { head: 'Id', cell: one => <Text class="cell">{one.id}</Text>, wide: true },
                {
                  head: 'First seen',
                  cell: one => <span title={format.moment(one.createdAt, zone)}>{format.ago(one.createdAt)}</span>,
                  number: true,
                },
              ]}
            />
          )}
        </Answer>
        <Pager full={state.data?.length === PAGE} />
      </Panel>
    </>
  );
}

function OneGroup({ id }: { id: string }) {
  const project = useProject();
  const zone = useZone();
  const question = ask('/insights/{projectId}/groups/{groupId}', { projectId: project.id, groupId: id }, { memberLimit: MEMBERS });
  const state = useQuestion(question);
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <a class="button" href={here({ group: null })}>
            <Icon name="back" />
            All groups
          </a>
        </div>
      </div>
      <Answer state={state} rows={8}>
        {({ group, member_count, members }) => (
          <>
            <div class="person-head">
              <div class="two-lines">
                <h2>
                  <Text>{group.name || group.id}</Text>
                </h2>
                <p class="muted">
                  {group.type}, {format.count(member_count)} {member_count === 1 ? 'member' : 'members'}
                </p>
              </div>
            </div>
            <div class="grid split">
              <Panel
                title="Members"
                actions={
                  <Take
                    path={question.path}
                    file={`${project.id}-group-members`}
                    csv={() => ({
                      head: ['id', 'first name', 'last name', 'email'],
                      rows: members.map(one => [one.id, one.firstName, one.lastName, one.email]),
                    })}
                  />
                }
              >
                {members.length ? (
                  <>
                    <DataTable
                      caption="Members"
                      rows={members}
                      keyOf={one => one.id}
                      columns={[
                        {
                          head: 'Name',
                          cell: one => (
                            <a href={personHref(project.id, one.id)}>
                              <Text>{[one.firstName, one.lastName].filter(Boolean).join(' ') || one.email || one.id}</Text>
                            </a>
                          ),
                        },
                        { head: 'E-mail', cell: one => <Text class="cell-wide">{one.email || '–'}</Text>, wide: true },
                        { head: 'Last seen', cell: one => format.ago(one.lastSeenAt), number: true },
                      ]}
                    />
                    {member_count > members.length && (
                      <p class="muted small table-note">
                        The newest {members.length} of {format.count(member_count)}.
                      </p>
                    )}
                  </>
                ) : (
                  <Empty title="No members yet" />
                )}
              </Panel>
              <Panel title="Properties">
                <Facts
                  rows={[
                    ['Id', group.id],
                    ...Object.entries(group.properties as Record<string, string>),
                    ['First seen', format.moment(group.createdAt, zone)],
                  ]}
                />
              </Panel>
            </div>
          </>
        )}
      </Answer>
    </>
  );
}
