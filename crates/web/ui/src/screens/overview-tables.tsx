import { ask, type Question, type Schemas } from '../api/client';
import { useQuestion } from '../api/use-question';
import * as format from '../lib/format';
import { rowFilter, withFilter, type Filter } from '../lib/filters';
import { currentRoute, here, navigate } from '../lib/route';
import { useProject, useSession } from '../ui/context';
import { hrefOf } from '../ui/filter-bar';
import { Answer, Empty, Panel, Tabs, Take } from '../ui/parts';
import { ShareTable, type ShareRow } from '../ui/share-table';
import { dates, type ShownWindow } from '../ui/use-window';

interface Props {
  shown: ShownWindow;
  filters: Filter[];
}

const LIMIT = 100;

/** The tab that the address names, so that a table can be shared as it is seen. */
function useTab<T extends string>(table: string, tabs: readonly (readonly [T, string])[]): [T, (tab: T) => void] {
  const named = tabs.find(([name]) => name === currentRoute().query.get(table));
  return [named?.[0] ?? tabs[0]![0], tab => navigate(here({ [table]: tab === tabs[0]![0] ? null : tab }), 'replace')];
}

function TablePanel<T>({
  title,
  table,
  tabs,
  tab,
  onTab,
  head = tabs.find(([name]) => name === tab)?.[1] ?? title,
  question,
  rowsOf,
  unit,
  filters,
  print,
}: {
  title: string;
  table: string;
  tabs: readonly (readonly [string, string])[];
  tab: string;
  onTab: (tab: string) => void;
  head?: string;
  question: Question<T>;
  rowsOf: (data: T) => ShareRow[];
  unit: string;
  filters: Filter[];
  print?: (n: number) => string;
}) {
  const project = useProject();
  const { session } = useSession();
  const state = useQuestion(question, 0, 'behind');
  return (
    <Panel
      class="table-panel"
      stale={state.stale}
      title={<h2 class={tabs.length > 1 ? 'with-tabs' : ''}>{title}</h2>}
      actions={
        <Take
          path={session.client.type === 'share' ? null : question.path}
          file={`${project.id}-${table}-${tab}`}
          csv={
            state.data !== undefined ? () => ({ head: [head, unit], rows: rowsOf(state.data!).map(row => [row.label, row.value]) }) : null
          }
        />
      }
    >
      {tabs.length > 1 && <Tabs label={title} tabs={tabs} value={tab} onChange={onTab} />}
      <Answer
        state={state}
        rows={8}
        empty={data =>
          rowsOf(data).length === 0 ? (
            <Empty title="Nothing here">{filters.length ? 'The filters leave nothing over.' : 'Nothing was seen in this time.'}</Empty>
          ) : null
        }
      >
        {data => {
          const rows = rowsOf(data);
          return (
            <ShareTable
              key={tab}
              caption={`${title}: ${head}`}
              head={head}
              unit={unit}
              rows={rows}
              total={rows.reduce((sum, row) => sum + row.value, 0)}
              {...(print ? { print } : {})}
            />
          );
        }}
      </Answer>
    </Panel>
  );
}

function dimensionRows(name: string, filters: Filter[], rows: Schemas['DimensionRow'][]): ShareRow[] {
  return rows.map(row => ({
    key: `${row.prefix ?? ''} ${row.name ?? ''}`,
    label:
      name === 'country'
        ? format.country(row.name)
        : row.name || (name === 'referrer_name' || name === 'referrer_type' || name === 'referrer' ? 'Direct' : 'Unknown'),
    note: row.prefix ? (name === 'region' || name === 'city' ? format.country(row.prefix) : row.prefix) : undefined,
    value: row.sessions,
    href: hrefOf(withFilter(filters, rowFilter(name, row.name))),
  }));
}

function Dimension({
  title,
  table,
  route,
  tabs,
  shown,
  filters,
}: Props & { title: string; table: string; route: Traffic; tabs: readonly (readonly [string, string])[] }) {
  const project = useProject();
  const [tab, setTab] = useTab(table, tabs);
  const question = ask(route, { projectId: project.id }, { ...dates(shown.window), breakdown: tab, filters, limit: LIMIT });
  return (
    <TablePanel
      title={title}
      table={table}
      tabs={tabs}
      tab={tab}
      onTab={setTab}
      question={question}
      rowsOf={rows => dimensionRows(tab, filters, rows)}
      unit="Sessions"
      filters={filters}
    />
  );
}

type Traffic = '/insights/{projectId}/traffic/referrers' | '/insights/{projectId}/traffic/geo' | '/insights/{projectId}/traffic/devices';

const SOURCES = [
  ['referrer_name', 'Source'],
  ['referrer_type', 'Type'],
  ['utm_source', 'UTM source'],
  ['utm_medium', 'Medium'],
  ['utm_campaign', 'Campaign'],
] as const;
const PLACES = [
  ['country', 'Country'],
  ['region', 'Region'],
  ['city', 'City'],
] as const;
const DEVICES = [
  ['browser', 'Browser'],
  ['os', 'System'],
  ['device', 'Device'],
] as const;

export const Sources = (props: Props) => (
  <Dimension {...props} title="Sources" table="sources" route="/insights/{projectId}/traffic/referrers" tabs={SOURCES} />
);
export const Places = (props: Props) => (
  <Dimension {...props} title="Places" table="places" route="/insights/{projectId}/traffic/geo" tabs={PLACES} />
);
export const Devices = (props: Props) => (
  <Dimension {...props} title="Devices" table="devices" route="/insights/{projectId}/traffic/devices" tabs={DEVICES} />
);

const PAGES = [
  ['all', 'All'],
  ['entry', 'Entry'],
  ['exit', 'Exit'],
] as const;
const PAGE_HEADS = { all: 'Page', entry: 'Entry page', exit: 'Exit page' };

export function Pages({ shown, filters }: Props) {
  const project = useProject();
  const [tab, setTab] = useTab('pages', PAGES);
  const projectId = project.id;
  const rows = (data: { origin: string; path: string; title?: string | null; sessions: number; pageviews: number }[]): ShareRow[] =>
    data.slice(0, LIMIT).map(page => ({
      key: page.origin + page.path,
      label: page.path || 'Unknown',
      value: tab === 'all' ? page.pageviews : page.sessions,
      href: hrefOf(withFilter(filters, rowFilter('path', page.path))),
    }));
  const question =
    tab === 'all'
      ? ask('/insights/{projectId}/pages/top', { projectId }, { ...dates(shown.window), filters, limit: LIMIT })
      : ask('/insights/{projectId}/pages/entry_exit', { projectId }, { ...dates(shown.window), mode: tab, filters });
  return (
    <TablePanel<Parameters<typeof rows>[0]>
      title="Pages"
      table="pages"
      tabs={PAGES}
      tab={tab}
      onTab={name => setTab(name as typeof tab)}
      head={PAGE_HEADS[tab]}
      question={question as Question<Parameters<typeof rows>[0]>}
      rowsOf={rows}
      unit={tab === 'all' ? 'Views' : 'Sessions'}
      filters={filters}
    />
  );
}

/** Events that every session has, and that say nothing here. */
const OF_SESSIONS = ['session_start', 'session_end', 'screen_view'];

export function EventsTable({ shown, filters }: Props) {
  const project = useProject();
  const mine: Filter[] = [...filters, { name: 'name', operator: 'isNot', value: OF_SESSIONS }];
  const question = ask(
    '/export/charts',
    {},
    {
      projectId: project.id,
      ...dates(shown.window),
      interval: 'month',
      series: [{ name: '*', filters: mine }],
      breakdowns: [{ name: 'name' }],
    },
  );
  const rows = (chart: Schemas['Chart']): ShareRow[] =>
    chart.series.slice(0, LIMIT).map(one => {
      const name = one.names.at(-1) ?? '';
      return { key: one.id, label: name, value: one.metrics.sum, href: hrefOf(withFilter(filters, rowFilter('name', name))) };
    });
  return (
    <TablePanel
      title="Events"
      table="events"
      tabs={[['name', 'Event']]}
      tab="name"
      onTab={() => undefined}
      question={question}
      rowsOf={rows}
      unit="Times"
      filters={filters}
    />
  );
}
