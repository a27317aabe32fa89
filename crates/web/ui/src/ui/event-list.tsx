import { useState } from 'preact/hooks';
import type { Schemas } from '../api/client';
import * as format from '../lib/format';
import { projectPath } from '../lib/route';
import { queryString } from '../lib/query';
import { useProject, useZone } from './context';
import { DataTable, type Column } from './data-table';
import { Dialog, Text } from './parts';

export type EventRow = Schemas['EventRow'];

export const personHref = (project: string, id: string): string => projectPath(project, 'people', queryString([['person', id]]));
export const groupHref = (project: string, id: string): string => projectPath(project, 'groups', queryString([['group', id]]));

export const place = (row: { city: string; country: string }): string =>
  [row.city, row.country && format.country(row.country)].filter(Boolean).join(', ');
export const device = (row: { browser: string; os: string }): string => [row.browser, row.os].filter(Boolean).join(' on ');

/** Events, each of which opens with all that it has. */
export function EventList({ caption, events, person = true }: { caption: string; events: EventRow[]; person?: boolean }) {
  const project = useProject();
  const zone = useZone();
  const [open, setOpen] = useState<EventRow | null>(null);
  const columns: Column<EventRow>[] = [
    {
      head: 'Event',
      cell: one => (
        <button type="button" class="link" onClick={() => setOpen(one)}>
          <Text>{one.name}</Text>
        </button>
      ),
    },
    { head: 'Page', cell: one => <Text class="cell-wide">{one.path || '–'}</Text>, wide: true },
    ...(person
      ? [
          {
            head: 'Person',
            cell: (one: EventRow) =>
              one.profile_id && one.profile_id !== one.device_id ? (
                <a href={personHref(project.id, one.profile_id)}>
                  <Text class="cell">{one.profile_id}</Text>
                </a>
              ) : (
                <span class="muted">anonymous</span>
              ),
            wide: true,
          },
          { head: 'Place', cell: (one: EventRow) => <Text class="cell">{place(one) || '–'}</Text>, wide: true },
          { head: 'Device', cell: (one: EventRow) => <Text class="cell">{device(one) || '–'}</Text>, wide: true },
        ]
      : []),
    {
      head: 'Time',
      cell: one => (
        <time dateTime={format.instant(one.created_at).toISOString()} title={format.ago(one.created_at)}>
          {format.moment(one.created_at, zone, true)}
        </time>
      ),
      number: true,
    },
  ];
  return (
    <>
      <DataTable caption={caption} rows={events} keyOf={one => one.id} columns={columns} />
      {open && <EventDialog event={open} onClose={() => setOpen(null)} />}
    </>
  );
}

const FACTS: [keyof EventRow, string][] = [
  ['path', 'Page'],
  ['origin', 'Origin'],
  ['referrer', 'Referrer'],
  ['referrer_name', 'Source'],
  ['referrer_type', 'Source type'],
  ['city', 'City'],
  ['region', 'Region'],
  ['country', 'Country'],
  ['browser', 'Browser'],
  ['browser_version', 'Browser version'],
  ['os', 'System'],
  ['os_version', 'System version'],
  ['device', 'Device'],
  ['brand', 'Brand'],
  ['model', 'Model'],
  ['device_id', 'Device id'],
  ['session_id', 'Session'],
  ['sdk_name', 'SDK'],
  ['sdk_version', 'SDK version'],
  ['id', 'Id'],
];

function EventDialog({ event, onClose }: { event: EventRow; onClose: () => void }) {
  const zone = useZone();
  const properties = Object.entries(event.properties as Record<string, string>);
  return (
    <Dialog title={event.name} onClose={onClose} wide>
      <p class="muted">
        {format.moment(event.created_at, zone, true)}, {zone.replaceAll('_', ' ')}
      </p>
      {properties.length > 0 && (
        <>
          <h3 class="section">Properties</h3>
          <Facts rows={properties} />
        </>
      )}
      <h3 class="section">Event</h3>
      <Facts
        rows={[
          ...FACTS.map(([name, label]): [string, string] => [label, String(event[name] ?? '')]),
          ['Person', event.profile_id === event.device_id ? '' : event.profile_id],
          ['Groups', event.groups.join(', ')],
          ['Revenue', event.revenue ? format.amount(event.revenue) : ''],
          ['Duration', event.duration ? format.duration(event.duration / 1000) : ''],
        ]}
      />
    </Dialog>
  );
}

/** Names and values; what is empty is left out. */
export function Facts({ rows }: { rows: [string, string][] }) {
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== '')
        .flatMap(([name, value]) => [
          <dt key={name}>
            <bdi>{name}</bdi>
          </dt>,
          <dd key={`${name} value`}>
            <bdi>{value}</bdi>
          </dd>,
        ])}
    </dl>
  );
}
