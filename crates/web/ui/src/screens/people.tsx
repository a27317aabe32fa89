import { useState } from 'preact/hooks';
import { ask, request, type Schemas } from '../api/client';
import { forgetAnswers, useQuestion } from '../api/use-question';
import * as format from '../lib/format';
import { currentRoute, here, navigate, projectPath } from '../lib/route';
import { useProject, useSession, useZone } from '../ui/context';
import { DataTable } from '../ui/data-table';
import { device, EventList, Facts, groupHref, personHref, place } from '../ui/event-list';
import { Icon } from '../ui/icons';
import { Answer, Confirm, Empty, Panel, Take, Text } from '../ui/parts';
import { currentPage, Pager, Search } from '../ui/search';

type Person = Schemas['ProfileRow'];
const PAGE = 50;

const nameOf = (person: Person): string => [person.first_name, person.last_name].filter(Boolean).join(' ') || person.email || person.id;
/** The first letters of a name; avatars of other origins are not loaded. */
const initials = (name: string): string => (name.match(/(?<![\p{L}\p{N}])[\p{L}\p{N}]/gu) ?? []).slice(0, 2).join('').toUpperCase();

export function People() {
  const person = currentRoute().query.get('person');
  return person ? <OnePerson key={person} id={person} /> : <List />;
}

function List() {
  const project = useProject();
  const zone = useZone();
  const page = currentPage();
  const question = ask(
    '/insights/{projectId}/profiles',
    { projectId: project.id },
    { name: currentRoute().query.get('q'), limit: PAGE, cursor: page === 1 ? null : page },
  );
  const state = useQuestion(question);
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <Search label="Search by name, e-mail or id" />
        </div>
      </div>
      <Panel
        title="Newest first"
        stale={state.stale}
        actions={
          <Take
            path={question.path}
            file={`${project.id}-people`}
            csv={
              state.data &&
              (() => ({
                head: ['id', 'first name', 'last name', 'email', 'first seen (UTC)', 'last seen (UTC)'],
                rows: state.data!.map(one => [one.id, one.first_name, one.last_name, one.email, one.created_at, one.last_seen_at]),
              }))
            }
          />
        }
      >
        <Answer
          state={state}
          rows={12}
          empty={data => (data.length ? null : <Empty title="Nobody here">People appear when your site identifies them.</Empty>)}
        >
          {data => (
            <DataTable
              caption="People"
              rows={data}
              keyOf={one => one.id}
              columns={[
                {
                  head: 'Name',
                  cell: one => (
                    <a class="person" href={personHref(project.id, one.id)}>
                      <span class="avatar" aria-hidden="true">
                        {initials(nameOf(one))}
                      </span>
                      <Text>{nameOf(one)}</Text>
                    </a>
                  ),
                },
                { head: 'E-mail', cell: one => <Text class="cell-wide">{one.email || '–'}</Text>, wide: true },
                {
                  head: 'First seen',
                  cell: one => <span title={format.moment(one.created_at, zone)}>{format.ago(one.created_at)}</span>,
                  wide: true,
                },
                {
                  head: 'Last seen',
                  cell: one => <span title={format.moment(one.last_seen_at, zone)}>{format.ago(one.last_seen_at)}</span>,
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

function OnePerson({ id }: { id: string }) {
  const project = useProject();
  const zone = useZone();
  const root = useSession().session.client.type === 'root';
  const params = { projectId: project.id, profileId: id };
  const question = ask('/insights/{projectId}/profiles/{profileId}', params, { eventLimit: 100 });
  const state = useQuestion(question);
  const metrics = useQuestion(ask('/insights/{projectId}/profiles/{profileId}/metrics', params));
  const sessionsQuestion = ask('/insights/{projectId}/profiles/{profileId}/sessions', params, { limit: 50 });
  const sessions = useQuestion(sessionsQuestion);
  const [erasing, setErasing] = useState(false);
  const erase = async () => {
    await request('DELETE', `/manage/projects/${encodeURIComponent(project.id)}/profiles/${encodeURIComponent(id)}`);
    forgetAnswers();
    navigate(projectPath(project.id, 'people'));
  };
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <a class="button" href={here({ person: null })}>
            <Icon name="back" />
            All people
          </a>
          {root && (
            <button type="button" class="button danger" onClick={() => setErasing(true)}>
              Erase
            </button>
          )}
        </div>
      </div>
      <Answer state={state} rows={10}>
        {({ profile, recentEvents }) => (
          <>
            <div class="person-head">
              <span class="avatar large" aria-hidden="true">
                {initials(nameOf(profile))}
              </span>
              <div class="two-lines">
                <h2>
                  <Text>{nameOf(profile)}</Text>
                </h2>
                <p class="muted">
                  <Text>{profile.email || profile.id}</Text>
                </p>
              </div>
            </div>
            <section class="panel headline">
              <div class="cards static">
                <Figure label="Sessions" value={metrics.data && format.count(metrics.data.sessions)} />
                <Figure label="Views" value={metrics.data && format.count(metrics.data.screenViews)} />
                <Figure label="Events" value={metrics.data && format.count(metrics.data.totalEvents)} />
                <Figure label="Days active" value={metrics.data && format.count(metrics.data.uniqueDaysActive)} />
                <Figure label="First seen" value={metrics.data && format.ago(metrics.data.firstSeen)} />
                <Figure label="Revenue" value={metrics.data && format.amount(metrics.data.revenue)} />
              </div>
            </section>
            <div class="grid split">
              <Panel
                title="Timeline"
                actions={
                  <Take
                    path={question.path}
                    file={`${project.id}-person-events`}
                    csv={() => ({
                      head: ['time (UTC)', 'event', 'page'],
                      rows: recentEvents.map(one => [one.created_at, one.name, one.path]),
                    })}
                  />
                }
              >
                {recentEvents.length ? (
                  <EventList caption="Timeline" events={recentEvents} person={false} />
                ) : (
                  <Empty title="No events yet" />
                )}
              </Panel>
              <div>
                <Panel title="Properties" class="spaced">
                  <Facts
                    rows={[
                      ['Id', profile.id],
                      ...Object.entries(profile.properties as Record<string, string>),
                      ['Last seen', format.moment(profile.last_seen_at, zone)],
                    ]}
                  />
                  {profile.groups.length > 0 && (
                    <p class="chips groups">
                      {profile.groups.map(group => (
                        <a key={group} class="tag" href={groupHref(project.id, group)}>
                          <bdi>{group}</bdi>
                        </a>
                      ))}
                    </p>
                  )}
                </Panel>
                <Panel
                  title="Sessions"
                  actions={
                    <Take
                      path={sessionsQuestion.path}
                      file={`${project.id}-person-sessions`}
                      csv={
                        sessions.data &&
                        (() => ({
                          head: ['start (UTC)', 'duration (ms)', 'views', 'entry', 'country'],
                          rows: sessions.data!.map(one => [
                            one.created_at,
                            one.duration,
                            one.screen_view_count,
                            one.entry_path,
                            one.country,
                          ]),
                        }))
                      }
                    />
                  }
                >
                  <Answer state={sessions} rows={4} empty={data => (data.length ? null : <Empty title="No sessions" />)}>
                    {data => (
                      <DataTable
                        caption="Sessions"
                        rows={data}
                        keyOf={one => one.id}
                        columns={[
                          {
                            head: 'Began',
                            cell: one => (
                              <div class="two-lines">
                                <span>{format.moment(one.created_at, zone)}</span>
                                <Text class="muted small">{[place(one), device(one)].filter(Boolean).join(' · ') || '–'}</Text>
                              </div>
                            ),
                          },
                          { head: 'Views', cell: one => format.count(one.screen_view_count), number: true },
                          { head: 'Duration', cell: one => format.duration(one.duration / 1000), number: true },
                        ]}
                      />
                    )}
                  </Answer>
                </Panel>
              </div>
            </div>
          </>
        )}
      </Answer>
      {erasing && (
        <Confirm
          title="Erase this person?"
          action="Erase for good"
          name={id.length <= 40 ? id : 'erase'}
          onClose={() => setErasing(false)}
          onConfirm={erase}
        >
          <p>The profile, its events and sessions, and the anonymous events of its devices are removed for good.</p>
        </Confirm>
      )}
    </>
  );
}

function Figure({ label, value }: { label: string; value: string | undefined }) {
  return (
    <div class="card">
      <span class="card-label">{label}</span>
      <span class="card-value small-value">{value ?? ' '}</span>
    </div>
  );
}
