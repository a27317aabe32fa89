const PATHS = {
  close: 'M4 4l8 8M12 4l-8 8',
  menu: 'M2 4.5h12M2 8h12M2 11.5h12',
  plus: 'M8 3v10M3 8h10',
  table: 'M2.5 3.5h11v9h-11zM2.5 6.5h11M6.5 6.5v6',
  chart: 'M2.5 12.5l3.5-4 3 2.5 4.5-6',
  download: 'M8 2.5v7.5M5 7.5l3 3 3-3M3 13.5h10',
  terminal: 'M3 4.5l3 3-3 3M8 11.5h5',
  copy: 'M6 5.5h7v8H6zM10 5.5v-3H3v8h3',
  back: 'M9.5 3.5L5 8l4.5 4.5',
  check: 'M3 8.5l3.5 3.5L13 4.5',
  external: 'M6 3.5H3.5v9h9V10M9 3h4v4M13 3L7.5 8.5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
