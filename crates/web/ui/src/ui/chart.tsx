import { scaleLinear } from 'd3-scale';
import { area, curveMonotoneX, line } from 'd3-shape';
import { useRef, useState } from 'preact/hooks';
import * as format from '../lib/format';
import { useWidth } from './use-width';
import { begun, isUnfinished, type Interval } from '../lib/time';

export interface Series {
  label: string;
  values: number[];
  /** The same buckets of the period before. */
  before?: number[] | undefined;
}

export interface Mark {
  /** The wall clock of the moment, as that of buckets. */
  at: string;
  title: string;
}

export interface ChartProps {
  label: string;
  /** The wall clock at which each bucket begins. */
  starts: string[];
  interval: Interval;
  wallNow: string;
  series: Series[];
  marks?: Mark[];
  kind?: 'line' | 'bar';
  print: (value: number) => string;
  height?: number;
}

const MARGIN = { top: 16, right: 12, bottom: 28, left: 52 };
export const COLOURS = 8;

/** The buckets in which the marks lie. */
export function marksByBucket(starts: string[], marks: Mark[]): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const mark of marks) {
    const after = starts.findIndex(start => start > mark.at);
    const at = after < 0 ? starts.length - 1 : after - 1;
    if (at >= 0) found.set(at, [...(found.get(at) ?? []), mark.title]);
  }
  return found;
}

export function Chart({ label, starts, interval, wallNow, series, marks = [], kind = 'line', print, height = 280 }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [at, setAt] = useState<number | null>(null);

  const shown = begun(starts, wallNow);
  const unfinished = shown > 0 && isUnfinished(starts[shown - 1]!, interval, wallNow);
  const drawn = series.flatMap(one => [...one.values.slice(0, shown), ...(one.before ?? [])]);
  const y = scaleLinear()
    .domain([Math.min(0, ...drawn), Math.max(1, ...drawn)])
    .nice(4)
    .range([height - MARGIN.bottom, MARGIN.top]);
  const inner = Math.max(width - MARGIN.left - MARGIN.right, 1);
  const bars = kind === 'bar';
  const step = bars ? inner / starts.length : inner / Math.max(starts.length - 1, 1);
  const x = (i: number) => MARGIN.left + (bars ? step * (i + 0.5) : starts.length === 1 ? inner / 2 : step * i);

  const pointAt = (clientX: number) => {
    const left = box.current!.getBoundingClientRect().left;
    const i = (clientX - left - MARGIN.left) / step - (bars ? 0.5 : 0);
    return Math.min(Math.max(Math.round(i), 0), starts.length - 1);
  };
  const keys = (event: KeyboardEvent) => {
    const last = starts.length - 1;
    const from = at ?? shown - 1;
    const next = { ArrowLeft: from - 1, ArrowRight: at === null ? from : from + 1, Home: 0, End: last }[event.key];
    if (event.key === 'Escape') setAt(null);
    if (next === undefined) return;
    event.preventDefault();
    setAt(Math.min(Math.max(next, 0), last));
  };

  const labels = Math.max(2, Math.floor(inner / 84));
  const every = Math.max(1, Math.ceil(starts.length / labels));
  const found = marksByBucket(starts, marks);
  const baseline = y(0);

  return (
    <div
      class="chart"
      ref={box}
      tabIndex={0}
      role="group"
      aria-label={`${label}. Arrow keys read its values.`}
      style={{ height: `${height}px` }}
      onPointerMove={event => setAt(pointAt(event.clientX))}
      onPointerLeave={() => setAt(null)}
      onKeyDown={keys}
      onBlur={() => setAt(null)}
    >
      {width > 0 && (
        <svg width={width} height={height} aria-hidden="true">
          {y.ticks(4).map(tick => (
            <g key={tick}>
              <line class="grid" x1={MARGIN.left} x2={width - MARGIN.right} y1={y(tick)} y2={y(tick)} />
              <text class="tick" x={MARGIN.left - 10} y={y(tick)} dy="0.32em" text-anchor="end">
                {print(tick)}
              </text>
            </g>
          ))}
          {starts.map(
            (start, i) =>
              i % every === 0 && (
                <text
                  key={start}
                  class="tick"
                  x={x(i)}
                  y={height - 6}
                  text-anchor={starts.length > 1 && !bars && i === 0 ? 'start' : x(i) > width - 40 ? 'end' : 'middle'}
                >
                  {format.tick(start, interval)}
                </text>
              ),
          )}
          {[...found.keys()].map(i => (
            <g key={i} class="mark">
              <line x1={x(i)} x2={x(i)} y1={MARGIN.top - 4} y2={height - MARGIN.bottom} />
              <circle cx={x(i)} cy={MARGIN.top - 6} r={4} />
            </g>
          ))}
          {bars ? (
            <Bars series={series} shown={shown} unfinished={unfinished} x={x} y={y} step={step} />
          ) : (
            <Lines series={series} shown={shown} unfinished={unfinished} x={x} y={y} baseline={baseline} />
          )}
          {at !== null && <line class="cursor" x1={x(at)} x2={x(at)} y1={MARGIN.top} y2={height - MARGIN.bottom} />}
          {at !== null &&
            !bars &&
            at < shown &&
            series.map((one, s) => <circle key={one.label} class={`dot c${s % COLOURS}`} cx={x(at)} cy={y(one.values[at] ?? 0)} r={4} />)}
        </svg>
      )}
      <div class="tooltip-room" aria-live="polite">
        {at !== null && width > 0 && (
          <div class="tooltip" style={x(at) > width / 2 ? { right: `${width - x(at) + 12}px` } : { left: `${x(at) + 12}px` }}>
            <strong>
              {format.bucket(starts[at]!, interval)}
              {unfinished && at === shown - 1 ? ' (so far)' : ''}
            </strong>
            {series.slice(0, 10).map((one, s) => (
              <div key={one.label} class="tooltip-row">
                <i class={`swatch c${s % COLOURS}`} />
                <bdi class="text">{one.label}</bdi>
                <b>{at < shown ? print(one.values[at] ?? 0) : '–'}</b>
              </div>
            ))}
            {series.slice(0, 10).map(
              one =>
                one.before?.[at] !== undefined && (
                  <div key={`${one.label} before`} class="tooltip-row muted">
                    <i class="swatch before" />
                    <bdi class="text">{series.length > 1 ? `${one.label}, before` : 'Period before'}</bdi>
                    <b>{print(one.before[at]!)}</b>
                  </div>
                ),
            )}
            {found.get(at)?.map(title => (
              <div key={title} class="tooltip-mark">
                <bdi>{title}</bdi>
              </div>
            ))}
          </div>
        )}
      </div>
    </div>
  );
}

interface Drawn {
  series: Series[];
  shown: number;
  unfinished: boolean;
  x: (i: number) => number;
  y: (value: number) => number;
}

function Lines({ series, shown, unfinished, x, y, baseline }: Drawn & { baseline: number }) {
  const path = line<number>(
    (_, i) => x(i),
    value => y(value),
  ).curve(curveMonotoneX);
  const single = series.length === 1;
  return (
    <>
      {series.map((one, s) => {
        const values = one.values.slice(0, shown);
        // The last step of an unfinished bucket is dashed.
        const solid = unfinished && values.length > 1 ? values.slice(0, -1) : values;
        const fill = single
          ? (area<number>(
              (_, i) => x(i),
              baseline,
              value => y(value),
            ).curve(curveMonotoneX)(values) ?? '')
          : '';
        return (
          <g key={one.label}>
            {one.before && <path class="before" d={path(one.before.slice(0, one.values.length)) ?? ''} />}
            {single && <path class="area" d={fill} />}
            {values.length === 1 && <circle class={`dot c${s % COLOURS}`} cx={x(0)} cy={y(values[0]!)} r={4} />}
            <path class={`line c${s % COLOURS}`} d={path(solid) ?? ''} />
            {solid !== values && (
              <path
                class={`line dashed c${s % COLOURS}`}
                d={path(values.slice(-2)) ?? ''}
                transform={`translate(${x(values.length - 2) - x(0)} 0)`}
              />
            )}
          </g>
        );
      })}
    </>
  );
}

function Bars({ series, shown, unfinished, x, y, step }: Drawn & { step: number }) {
  const room = Math.max(step * 0.72, 1);
  const width = room / series.length;
  return (
    <>
      {series.map((one, s) =>
        one.values
          .slice(0, shown)
          .map((value, i) => (
            <rect
              key={`${s}.${i}`}
              class={`bar c${s % COLOURS} ${unfinished && i === shown - 1 ? 'unfinished' : ''}`}
              x={x(i) - room / 2 + s * width}
              width={Math.max(width - (width > 4 ? 1 : 0), 0.5)}
              y={Math.min(y(value), y(0))}
              height={Math.abs(y(0) - y(value))}
              rx={width > 6 ? 2 : 0}
            />
          )),
      )}
    </>
  );
}
