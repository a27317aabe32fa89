import { area, curveMonotoneX, line } from 'd3-shape';

const SIZE = { width: 200, height: 40 };

/** The course of a figure, without axes: what it says is said beside it in words. The last part is not over yet. */
export function Sparkline({ values }: { values: number[] }) {
  const most = Math.max(1, ...values);
  const x = (i: number) => (i / Math.max(values.length - 1, 1)) * SIZE.width;
  const y = (value: number) => SIZE.height - 2 - (value / most) * (SIZE.height - 4);
  const points = values.map((value, i) => [x(i), y(value)] as [number, number]);
  const over = points.slice(0, -1);
  const draw = line().curve(curveMonotoneX);
  const fill = area<[number, number]>()
    .x(point => point[0])
    .y1(point => point[1])
    .y0(SIZE.height)
    .curve(curveMonotoneX);
  return (
    <svg class="sparkline" viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="spark-area" d={fill(points) ?? ''} />
      <path class="spark-line" d={draw(over) ?? ''} />
      <path class="spark-line unfinished" d={draw(points.slice(-2)) ?? ''} />
    </svg>
  );
}
