import { ask, type Schemas } from '../api/client';
import { useLive } from '../api/use-live';
import { useQuestion } from '../api/use-question';
import * as format from '../lib/format';
import { currentRoute, here, navigate, projectPath } from '../lib/route';
import { bucketWall, wallClock } from '../lib/time';
import { Chart } from '../ui/chart';
import { useProject, useSession, useZone } from '../ui/context';
import { DataTable } from '../ui/data-table';
import { currentFilters, FilterBar } from '../ui/filter-bar';
import { Answer, Empty, IconButton, Panel, Take } from '../ui/parts';
import { IntervalPicker, RangePicker, WindowNote } from '../ui/toolbar';
import { dates, useWindow } from '../ui/use-window';
import { Devices, EventsTable, Pages, Places, Sources } from './overview-tables';

type Metrics = Schemas['Metrics'];

interface Metric {
  key: keyof Metrics;
  label: string;
  print: (n: number) => string;
  /** Whether less is better. */
  less?: boolean;
}

const METRICS: [Metric, ...Metric[]] = [
  { key: 'unique_visitors', label: 'Visitors', print: format.short },
  { key: 'total_sessions', label: 'Sessions', print: format.short },
  { key: 'total_screen_views', label: 'Views', print: format.short },
  { key: 'bounce_rate', label: 'Bounce rate', print: format.percent, less: true },
  { key: 'avg_session_duration', label: 'Duration', print: format.duration },
  { key: 'total_revenue', label: 'Revenue', print: format.amount },
];

const REFRESH_MS = 60_000;

export function Overview() {
  const project = useProject();
  const { session } = useSession();
  const zone = useZone();
  const { query } = currentRoute();
  const shown = useWindow();
  const table = query.get('view') === 'table';
  const shared = session.client.type === 'share';
  const visitors = useLive(project.id, !shared);
  const filters = currentFilters();
  const compare = query.get('compare') !== 'off';
  const metric = METRICS.find(one => one.key === query.get('metric')) ?? METRICS[0];
  const params = { projectId: project.id };

  const running = shown.window.end >= shown.wallNow.slice(0, 10) ? REFRESH_MS : 0;
  const question = ask('/insights/{projectId}/overview', params, { ...dates(shown.window), interval: shown.interval, filters });
  const now = useQuestion(question, running);
  const before = useQuestion(
    compare ? ask('/insights/{projectId}/overview', params, { ...dates(shown.before), interval: shown.interval, filters }) : null,
  );
  const partly = useQuestion(
    compare && shown.elapsed
      ? ask('/insights/{projectId}/metrics', params, { startDate: shown.elapsed.start, endDate: shown.elapsed.end, filters })
      : null,
  );
  // What comes later than the rest is left out until it is there: figures of two windows are never side by side.
  const seriesBefore = compare && !now.stale && !before.stale ? before.data?.series : undefined;
  const part = shown.elapsed ? partly : before;
  const summaryBefore = !compare || part.stale ? undefined : shown.elapsed ? partly.data?.metrics : before.data?.summary;

  return (
    <>
      <div class="toolbar">
        <p class={visitors === null ? 'live unknown' : 'live'}>
          <i class={visitors ? 'on' : ''} aria-hidden="true" />
          {visitors === null ? ' ' : `${format.count(visitors)} ${visitors === 1 ? 'visitor' : 'visitors'} now`}
        </p>
        <div class="tools">
          <button type="button" class="button" aria-pressed={compare} onClick={() => navigate(here({ compare: compare ? 'off' : null }))}>
            Compare
          </button>
          <IntervalPicker shown={shown} />
          <RangePicker key={shown.range} shown={shown} />
        </div>
      </div>
      <div class="subbar">
        <FilterBar />
        <WindowNote shown={shown} />
      </div>

      <Panel class="headline" stale={now.stale}>
        <div class="cards" role="group" aria-label="Figure of the chart">
          {METRICS.map(one => (
            <Card
              key={one.key}
              metric={one}
              value={now.data?.summary[one.key]}
              before={summaryBefore?.[one.key]}
              compare={compare}
              chosen={one === metric}
              onChoose={() => navigate(here({ metric: one === METRICS[0] ? null : one.key }), 'replace')}
            />
          ))}
        </div>
        <div class="chart-head">
          <h2>
            {metric.label}
            <span class="muted"> by {shown.interval}</span>
          </h2>
          <div class="actions">
            <IconButton
              icon={table ? 'chart' : 'table'}
              label={table ? 'Show as chart' : 'Show as table'}
              onClick={() => navigate(here({ view: table ? null : 'table' }), 'replace')}
            />
            <Take
              path={shared ? null : question.path}
              file={`${project.id}-${metric.key}`}
              csv={
                now.data &&
                (() => ({
                  head: ['date', ...METRICS.map(one => one.key)],
                  rows: now.data!.series.map(point => [bucketWall(point.date), ...METRICS.map(one => point[one.key])]),
                }))
              }
            />
          </div>
        </div>
        <div class="chart-room">
          <Answer
            state={now}
            rows={8}
            empty={data =>
              data.summary.total_sessions === 0 && filters.length === 0 ? <Nothing project={project.id} shared={shared} /> : null
            }
          >
            {data => {
              const starts = data.series.map(point => bucketWall(point.date));
              const values = data.series.map(point => point[metric.key]);
              const past = seriesBefore?.map(point => point[metric.key]).slice(0, values.length);
              return table ? (
                <DataTable
                  caption={`${metric.label} by ${shown.interval}`}
                  rows={starts.map((start, i) => ({ start, value: values[i]!, before: past?.[i] }))}
                  keyOf={row => row.start}
                  columns={[
                    { head: 'Time', cell: row => format.bucket(row.start, shown.interval) },
                    { head: metric.label, number: true, cell: row => metric.print(row.value) },
                    ...(past
                      ? [
                          {
                            head: 'Period before',
                            number: true,
                            cell: (row: { before: number | undefined }) => (row.before === undefined ? '–' : metric.print(row.before)),
                          },
                        ]
                      : []),
                  ]}
                />
              ) : (
                <Chart
                  label={`${metric.label} by ${shown.interval}`}
                  starts={starts}
                  interval={shown.interval}
                  wallNow={shown.wallNow}
                  print={metric.print}
                  series={[{ label: metric.label, values, before: past }]}
                  marks={data.references.map(one => ({ at: wallClock(new Date(one.date), zone), title: one.title }))}
                />
              );
            }}
          </Answer>
        </div>
      </Panel>

      <div class="grid">
        <Sources shown={shown} filters={filters} />
        <Pages shown={shown} filters={filters} />
        <Places shown={shown} filters={filters} />
        <Devices shown={shown} filters={filters} />
        {!shared && <EventsTable shown={shown} filters={filters} />}
      </div>
    </>
  );
}

function Card({
  metric,
  value,
  before,
  compare,
  chosen,
  onChoose,
}: {
  metric: Metric;
  value: number | undefined;
  before: number | undefined;
  compare: boolean;
  chosen: boolean;
  onChoose: () => void;
}) {
  const change = value === undefined ? null : format.change(value, before);
  const tone = change === null || Math.abs(change) < 0.05 ? '' : change > 0 === !metric.less ? 'good' : 'bad';
  return (
    <button type="button" class="card" aria-pressed={chosen} onClick={onChoose}>
      <span class="card-label">{metric.label}</span>
      <span class="card-value">{value === undefined ? ' ' : metric.print(value)}</span>
      {compare && (
        <span class={`card-change ${tone}`} title={before === undefined ? undefined : `Before: ${metric.print(before)}`}>
          {before === undefined || value === undefined ? ' ' : change === null ? 'none before' : format.signedPercent(change)}
        </span>
      )}
    </button>
  );
}

function Nothing({ project, shared }: { project: string; shared: boolean }) {
  return (
    <Empty title="Nobody came in this time">
      {!shared && (
        <p>
          Choose another range, or <a href={projectPath(project, 'setup')}>look whether events arrive</a>.
        </p>
      )}
    </Empty>
  );
}
