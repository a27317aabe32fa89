import { useEffect, useState } from 'preact/hooks';
import { ask, type Schemas } from '../api/client';
import { useLive } from '../api/use-live';
import { useQuestion } from '../api/use-question';
import * as format from '../lib/format';
import { joinParts, printFilter, rowFilter, type Filter } from '../lib/filters';
import { currentRoute, here, navigate, projectPath } from '../lib/route';
import { queryString } from '../lib/query';
import { useProject } from '../ui/context';
import { EventList, type EventRow } from '../ui/event-list';
import { currentFilters, FilterBar } from '../ui/filter-bar';
import { Answer, Empty, Panel, Tabs, Take } from '../ui/parts';
import { currentPage, Pager } from '../ui/search';
import { ShareTable } from '../ui/share-table';
import { RangePicker, WindowNote } from '../ui/toolbar';
import { dates, useWindow, type ShownWindow } from '../ui/use-window';

const VIEWS = [
  ['stream', 'Stream'],
  ['names', 'Names and properties'],
] as const;
const PAGE = 50;

export function Events() {
  const shown = useWindow();
  const view = VIEWS.find(([name]) => name === currentRoute().query.get('view'))?.[0] ?? 'stream';
  const filters = currentFilters();
  return (
    <>
      <div class="toolbar">
        <Tabs
          label="View"
          tabs={VIEWS}
          value={view}
          onChange={name => navigate(here({ view: name === 'stream' ? null : name, page: null, event: null }))}
        />
        <div class="tools">
          <RangePicker key={shown.range} shown={shown} />
        </div>
      </div>
      <div class="subbar">
        <FilterBar />
        <WindowNote shown={shown} />
      </div>
      {view === 'stream' ? <Stream shown={shown} filters={filters} /> : <Names shown={shown} filters={filters} />}
    </>
  );
}

const cells = (event: EventRow) => [
  event.created_at,
  event.name,
  event.path,
  event.profile_id,
  event.session_id,
  event.country,
  event.city,
  event.browser,
  event.os,
  JSON.stringify(event.properties),
];

/** How long new events wait for others before they are shown. */
const GATHER_MS = 2000;

/** Whether the page was scrolled away from its top: what somebody reads there stays where it is. */
function useScrolled(): boolean {
  const [scrolled, setScrolled] = useState(false);
  useEffect(() => {
    const update = () => setScrolled(scrollY > 120);
    addEventListener('scroll', update, { passive: true });
    return () => removeEventListener('scroll', update);
  }, []);
  return scrolled;
}

function Stream({ shown, filters }: { shown: ShownWindow; filters: Filter[] }) {
  const project = useProject();
  const page = currentPage();
  const scrolled = useScrolled();
  const [fresh, setFresh] = useState(0);
  const question = ask(
    '/insights/{projectId}/events',
    { projectId: project.id },
    { ...dates(shown.window), filters, limit: PAGE, cursor: page === 1 ? null : page },
  );
  const state = useQuestion(question);
  const isNewest = page === 1 && filters.length === 0 && shown.window.end >= shown.wallNow.slice(0, 10);
  useLive(project.id, true, () => setFresh(n => n + 1));
  useEffect(() => setFresh(0), [state.data]);
  const follows = isNewest && !scrolled && fresh > 0;
  useEffect(() => {
    if (!follows) return;
    const timer = setTimeout(state.refresh, GATHER_MS);
    return () => clearTimeout(timer);
  }, [follows]);
  return (
    <Panel
      title="Newest first"
      stale={state.stale}
      actions={
        <Take
          path={question.path}
          file={`${project.id}-events`}
          csv={
            state.data &&
            (() => ({
              head: ['time (UTC)', 'event', 'page', 'person', 'session', 'country', 'city', 'browser', 'system', 'properties'],
              rows: state.data!.map(cells),
            }))
          }
        />
      }
    >
      <p class="fresh" aria-live="polite">
        {isNewest && scrolled && fresh > 0 && (
          <button
            type="button"
            class="button primary"
            onClick={() => {
              scrollTo(0, 0);
              state.refresh();
            }}
          >
            {format.count(fresh)} new {fresh === 1 ? 'event' : 'events'}: show
          </button>
        )}
      </p>
      <Answer
        state={state}
        rows={12}
        empty={data =>
          data.length ? null : (
            <Empty title="No events">{filters.length ? 'The filters leave nothing over.' : 'Nothing was tracked in this time.'}</Empty>
          )
        }
      >
        {data => <EventList caption="Events" events={data} />}
      </Answer>
      <Pager full={state.data?.length === PAGE} />
    </Panel>
  );
}

function Names({ shown, filters }: { shown: ShownWindow; filters: Filter[] }) {
  const project = useProject();
  const { query } = currentRoute();
  const name = query.get('event');
  const property = query.get('property');
  const params = { projectId: project.id, ...dates(shown.window), interval: 'month' };
  const names = ask('/export/charts', {}, { ...params, series: [{ name: '*', filters }], breakdowns: [{ name: 'name' }] });
  const state = useQuestion(names);
  const properties = useQuestion(
    name ? ask('/insights/{projectId}/events/properties', { projectId: project.id }, { eventName: name }) : null,
  );
  const values =
    name && property
      ? ask('/export/charts', {}, { ...params, series: [{ name, filters }], breakdowns: [{ name: `properties.${property}` }] })
      : null;
  const counted = useQuestion(values);
  const rowsOf = (chart: Schemas['Chart']) =>
    chart.series.map(one => ({
      label: one.names.at(-1) ?? '',
      value: one.metrics.sum,
      key: one.id,
      breakdown: Object.values(one.event.breakdowns ?? {})[0] ?? null,
    }));
  const keys = [...new Set(properties.data?.properties.map(one => one.property_key) ?? [])];
  const total = (rows: { value: number }[]) => rows.reduce((sum, row) => sum + row.value, 0);
  const take = (chart: Schemas['Chart'] | undefined, head: string) =>
    chart && (() => ({ head: [head, 'times'], rows: rowsOf(chart).map(row => [row.label, row.value]) }));
  return (
    <div class="grid">
      <Panel
        title="Names"
        class="table-panel"
        stale={state.stale}
        actions={<Take path={names.path} file={`${project.id}-event-names`} csv={take(state.data, 'event')} />}
      >
        <Answer
          state={state}
          rows={8}
          empty={data => (data.series.length ? null : <Empty title="No events">Nothing was tracked in this time.</Empty>)}
        >
          {data => {
            const rows = rowsOf(data);
            return (
              <ShareTable
                caption="Names of events"
                head="Event"
                unit="Times"
                rows={rows.map(row => ({ ...row, href: here({ event: row.label, property: null }), action: 'show its properties' }))}
                total={total(rows)}
              />
            );
          }}
        </Answer>
      </Panel>
      <div>
        {name === null ? (
          <Panel class="table-panel">
            <Empty title="Choose an event">Its properties are shown here.</Empty>
          </Panel>
        ) : (
          <Panel
            title={
              <h2>
                Properties of <bdi>{name}</bdi>
              </h2>
            }
            class="table-panel"
            stale={counted.stale}
            actions={
              <Take path={values?.path ?? null} file={`${project.id}-${name}-${property}`} csv={take(counted.data, property ?? '')} />
            }
          >
            <p class="links small">
              <a href={projectPath(project.id, 'explore', queryString([['s', joinParts([name])]]))}>Chart it</a>{' '}
              <a href={projectPath(project.id, 'events', queryString([['f', printFilter(rowFilter('name', name))]]))}>Show these events</a>
            </p>
            <Answer state={properties} rows={4} empty={() => (keys.length ? null : <Empty title="No properties" />)}>
              {() => (
                <div class="property-list" role="group" aria-label="Properties">
                  {keys.map(key => (
                    <a
                      key={key}
                      class={`tag ${key === property ? 'on' : ''}`}
                      aria-current={key === property ? 'true' : undefined}
                      href={here({ property: key })}
                    >
                      <bdi>{key}</bdi>
                    </a>
                  ))}
                </div>
              )}
            </Answer>
            {property && (
              <Answer state={counted} rows={5} empty={data => (data.series.length ? null : <Empty title="No values in this time" />)}>
                {data => {
                  const rows = rowsOf(data);
                  return (
                    <ShareTable
                      key={property}
                      caption={`Values of ${property}`}
                      head={property}
                      unit="Times"
                      rows={rows.map(row => ({
                        ...row,
                        href: projectPath(
                          project.id,
                          'events',
                          queryString([
                            ['f', printFilter(rowFilter('name', name))],
                            ['f', printFilter(rowFilter(`properties.${property}`, row.breakdown))],
                          ]),
                        ),
                        action: 'show these events',
                      }))}
                      total={total(rows)}
                    />
                  );
                }}
              </Answer>
            )}
          </Panel>
        )}
      </div>
    </div>
  );
}
