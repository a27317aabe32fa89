import { useEffect, useState } from 'preact/hooks';
import { ask, type Schemas } from '../api/client';
import { useQuestion } from '../api/use-question';
import * as format from '../lib/format';
import { letter, needsProperty, parseItem, printItem, SEGMENTS, seriesOf, type Item, type Segment } from '../lib/explore';
import { NAMES, nameLabel } from '../lib/filters';
import { currentRoute, here, navigate } from '../lib/route';
import { bucketWall } from '../lib/time';
import { Chart, COLOURS, type Series } from '../ui/chart';
import { useProject } from '../ui/context';
import { DataTable } from '../ui/data-table';
import { EventSelect, useEventNames } from '../ui/event-select';
import { currentFilters, FilterBar } from '../ui/filter-bar';
import { Icon } from '../ui/icons';
import { Answer, Empty, IconButton, Panel, Tabs, Take, Text } from '../ui/parts';
import { IntervalPicker, RangePicker, WindowNote } from '../ui/toolbar';
import { dates, useWindow, type ShownWindow } from '../ui/use-window';

const VIEWS = [
  ['line', 'Line'],
  ['bar', 'Bars'],
  ['table', 'Table'],
] as const;
const SHOWN = 8;
const BREAKDOWNS = 4;
const ITEMS = 5;
const DEFAULT: Item = { name: 'screen_view', segment: 'event', property: '' };

const set = (changes: Record<string, string | string[] | null>) => navigate(here(changes));

export function Explore() {
  const project = useProject();
  const { query } = currentRoute();
  const shown = useWindow();
  const parsed = query
    .getAll('s')
    .map(parseItem)
    .filter(item => item !== null);
  const items = parsed.length ? parsed : [DEFAULT];
  const breakdowns = query.getAll('b').slice(0, BREAKDOWNS);
  const formula = query.get('formula') ?? '';
  const compare = query.get('compare') === 'on';
  const view = VIEWS.find(([name]) => name === query.get('view'))?.[0] ?? 'line';
  const filters = currentFilters();
  const names = useEventNames();
  const question = ask(
    '/export/charts',
    {},
    {
      projectId: project.id,
      ...dates(shown.window),
      interval: shown.interval,
      previous: compare || null,
      series: seriesOf(items, filters, formula),
      breakdowns: breakdowns.map(name => ({ name })),
    },
  );
  const state = useQuestion(question);
  const setItems = (next: Item[]) => set({ s: next.map(printItem) });

  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <button type="button" class="button" aria-pressed={compare} onClick={() => set({ compare: compare ? null : 'on' })}>
            Compare
          </button>
          <IntervalPicker shown={shown} />
          <RangePicker key={shown.range} shown={shown} />
        </div>
      </div>
      <Panel class="builder">
        {items.map((item, i) => (
          <ItemRow
            key={i}
            item={item}
            at={i}
            names={names}
            onChange={changed => setItems(items.map((one, k) => (k === i ? changed : one)))}
            onRemove={items.length > 1 ? () => setItems(items.filter((_, k) => k !== i)) : null}
          />
        ))}
        <div class="builder-row">
          {items.length < ITEMS && (
            <button type="button" class="button quiet" onClick={() => setItems([...items, DEFAULT])}>
              <Icon name="plus" />
              Series
            </button>
          )}
          {breakdowns.length < BREAKDOWNS && <BreakdownSelect taken={breakdowns} onAdd={name => set({ b: [...breakdowns, name] })} />}
          {breakdowns.map(name => (
            <span key={name} class="chip">
              <bdi class="text">by {nameLabel(name)}</bdi>
              <button
                type="button"
                aria-label={`Remove: by ${nameLabel(name)}`}
                onClick={() => set({ b: breakdowns.filter(one => one !== name) })}
              >
                <Icon name="close" />
              </button>
            </span>
          ))}
          {items.length > 1 && <Formula value={formula} onChange={value => set({ formula: value || null })} />}
        </div>
        <div class="builder-row">
          <FilterBar />
        </div>
      </Panel>
      <Panel
        class="result"
        stale={state.stale}
        title={<Tabs label="How it is shown" tabs={VIEWS} value={view} onChange={name => set({ view: name === 'line' ? null : name })} />}
        actions={<Take path={question.path} file={`${project.id}-chart`} csv={state.data && (() => csvOf(state.data!))} />}
      >
        <WindowNote shown={shown} />
        <Answer
          state={state}
          rows={9}
          empty={data =>
            data.series.length ? null : (
              <Empty title="Nothing to show">
                No event of these happened in this time{filters.length ? ', or the filters leave nothing over' : ''}.
              </Empty>
            )
          }
        >
          {data => <Result chart={data} shown={shown} view={view} compare={compare} />}
        </Answer>
      </Panel>
    </>
  );
}

function ItemRow({
  item,
  at,
  names,
  onChange,
  onRemove,
}: {
  item: Item;
  at: number;
  names: string[];
  onChange: (item: Item) => void;
  onRemove: (() => void) | null;
}) {
  const project = useProject();
  const withProperty = needsProperty(item.segment);
  const properties = useQuestion(
    withProperty
      ? ask('/insights/{projectId}/events/properties', { projectId: project.id }, item.name === '*' ? {} : { eventName: item.name })
      : null,
  );
  const keys = [...new Set(properties.data?.properties.map(one => `properties.${one.property_key}`) ?? [])];
  return (
    <div class="builder-row">
      <span class="letter" aria-hidden="true">
        {letter(at)}
      </span>
      <EventSelect
        label={`Event of series ${letter(at)}`}
        value={item.name}
        names={names}
        any="Any event"
        onChange={name => onChange({ ...item, name, property: '' })}
      />
      <span class="muted" aria-hidden="true">
        counted as
      </span>
      <select
        aria-label={`Figure of series ${letter(at)}`}
        value={item.segment}
        onChange={event => onChange({ ...item, segment: event.currentTarget.value as Segment, property: '' })}
      >
        {SEGMENTS.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
      {withProperty && (
        <select
          aria-label={`Property of series ${letter(at)}`}
          value={item.property}
          onChange={event => onChange({ ...item, property: event.currentTarget.value })}
        >
          <option value="">Choose a property…</option>
          <option value="revenue">Revenue</option>
          <option value="duration">Duration</option>
          {item.property && !['revenue', 'duration', ...keys].includes(item.property) && (
            <option value={item.property}>{nameLabel(item.property)}</option>
          )}
          {keys.map(key => (
            <option key={key} value={key}>
              {nameLabel(key)}
            </option>
          ))}
        </select>
      )}
      {onRemove && <IconButton icon="close" label={`Remove series ${letter(at)}`} onClick={onRemove} />}
    </div>
  );
}

function BreakdownSelect({ taken, onAdd }: { taken: string[]; onAdd: (name: string) => void }) {
  const project = useProject();
  const properties = useQuestion(ask('/insights/{projectId}/events/properties', { projectId: project.id }));
  const keys = [...new Set(properties.data?.properties.map(one => one.property_key) ?? [])].filter(
    key => !taken.includes(`properties.${key}`),
  );
  return (
    <select
      class="quiet-select"
      aria-label="Break down by"
      value=""
      onChange={event => event.currentTarget.value && onAdd(event.currentTarget.value)}
    >
      <option value="">Break down by…</option>
      <optgroup label="Of every event">
        {NAMES.filter(([name]) => !taken.includes(name)).map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </optgroup>
      {keys.length > 0 && (
        <optgroup label="Properties">
          {keys.map(key => (
            <option key={key} value={`properties.${key}`}>
              {key}
            </option>
          ))}
        </optgroup>
      )}
    </select>
  );
}

function Formula({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <form
      class="formula"
      onSubmit={event => {
        event.preventDefault();
        onChange(text.trim());
      }}
    >
      <input
        aria-label="Formula"
        placeholder="Formula: A / B * 100"
        spellcheck={false}
        value={text}
        onInput={event => setText(event.currentTarget.value)}
        onBlur={() => text.trim() !== value && onChange(text.trim())}
      />
    </form>
  );
}

const labelOf = (series: Schemas['ChartSeries']): string =>
  series.names.map(name => (name === '*' ? 'Any event' : name.replace(/^(\(\w\)) \*$/, '$1 Any event'))).join(' · ');

function csvOf(chart: Schemas['Chart']) {
  return {
    head: ['date', ...chart.series.map(labelOf)],
    rows: (chart.series[0]?.data ?? []).map((point, i) => [point.date, ...chart.series.map(series => series.data[i]?.count)]),
  };
}

function Result({
  chart,
  shown,
  view,
  compare,
}: {
  chart: Schemas['Chart'];
  shown: ShownWindow;
  view: 'line' | 'bar' | 'table';
  compare: boolean;
}) {
  const drawn = chart.series.slice(0, SHOWN);
  const starts = chart.series[0]!.data.map(point => bucketWall(point.date));
  const series: Series[] = drawn.map(one => ({
    label: labelOf(one),
    values: one.data.map(point => point.count),
    before:
      compare && drawn.length <= 3 && one.data.some(point => point.previous)
        ? one.data.map(point => point.previous?.value ?? 0)
        : undefined,
  }));
  return (
    <>
      {view === 'table' ? (
        <DataTable
          caption="Values by time"
          rows={starts.map((start, i) => ({ start, i }))}
          keyOf={row => row.start}
          columns={[
            { head: 'Time', cell: row => <span class="nowrap">{format.bucket(row.start, shown.interval)}</span> },
            ...series.map(one => ({ head: one.label, number: true, cell: (row: { i: number }) => format.decimal(one.values[row.i] ?? 0) })),
          ]}
        />
      ) : (
        <Chart
          label="Chart of the series"
          kind={view}
          starts={starts}
          interval={shown.interval}
          wallNow={shown.wallNow}
          series={series}
          print={format.short}
          height={320}
        />
      )}
      {view !== 'table' && series.length > 1 && (
        <ul class="legend">
          {series.map((one, i) => (
            <li key={one.label}>
              <i class={`swatch c${i % COLOURS}`} />
              <Text>{one.label}</Text>
            </li>
          ))}
        </ul>
      )}
      {chart.series.length > SHOWN && (
        <p class="muted small table-note">
          The {SHOWN} greatest of {format.count(chart.series.length)} series are drawn; the file has all of them.
        </p>
      )}
      <div class="spaced-table">
        <DataTable
          caption="Series in sum"
          rows={chart.series.slice(0, 50)}
          keyOf={one => one.id}
          columns={[
            { head: 'Series', cell: one => <Text>{labelOf(one)}</Text> },
            { head: 'Sum', number: true, cell: one => format.decimal(one.metrics.sum) },
            ...(compare
              ? [
                  {
                    head: 'Change',
                    number: true,
                    cell: (one: Schemas['ChartSeries']) =>
                      one.metrics.previous?.sum.change == null ? '–' : format.signedPercent(one.metrics.previous.sum.change),
                  },
                ]
              : []),
            { head: 'Average', number: true, wide: true, cell: one => format.decimal(one.metrics.average) },
            { head: 'Least', number: true, wide: true, cell: one => format.decimal(one.metrics.min) },
            { head: 'Greatest', number: true, wide: true, cell: one => format.decimal(one.metrics.max) },
          ]}
        />
      </div>
    </>
  );
}
