import { ask } from '../api/client';
import { useQuestion } from '../api/use-question';
import { cohortRows } from '../lib/cohorts';
import * as format from '../lib/format';
import { currentRoute, here, navigate } from '../lib/route';
import { bucketWall, wallClock } from '../lib/time';
import { Chart } from '../ui/chart';
import { useProject, useZone } from '../ui/context';
import { DataTable } from '../ui/data-table';
import { Answer, Empty, IconButton, Panel, Take } from '../ui/parts';

const DAYS = [
  ['1', 'A day'],
  ['7', '7 days'],
  ['30', '30 days'],
] as const;
const SHOWN_DAYS = 90;

export function Retention() {
  const project = useProject();
  const zone = useZone();
  const { query } = currentRoute();
  const wallNow = wallClock(new Date(), zone);
  const params = { projectId: project.id };
  const days = DAYS.find(([value]) => value === query.get('days'))?.[0] ?? '7';
  const table = query.get('view') === 'table';
  const cohorts = ask('/insights/{projectId}/retention/cohort', params);
  const grid = useQuestion(cohorts);
  const active = ask('/insights/{projectId}/active_users', params, { days: Number(days) });
  const users = useQuestion(active);
  const engagement = ask('/insights/{projectId}/engagement', params);
  const away = useQuestion(engagement);
  const rows = grid.data ? cohortRows(grid.data, wallNow.slice(0, 10)) : [];
  const weeks = Math.max(0, ...rows.map(row => row.shares.length));
  const weekLabel = (label: string) => (label === 'All' ? 'All weeks' : format.day(label));
  return (
    <>
      <div class="toolbar" />
      <p class="intro">
        Who comes back. People whom your site identifies, by the week in which they first came within the last twelve; days begin in{' '}
        {zone.replaceAll('_', ' ')}.
      </p>
      <Panel
        title="Still active after so many weeks"
        actions={
          <Take
            path={cohorts.path}
            file={`${project.id}-retention`}
            csv={
              grid.data &&
              (() => ({
                head: ['week', 'people', ...Array.from({ length: weeks }, (_, i) => `week ${i}`)],
                rows: rows.map(row => [row.label, row.sum, ...Array.from({ length: weeks }, (_, i) => row.shares[i] ?? null)]),
              }))
            }
          />
        }
      >
        <Answer
          state={grid}
          rows={9}
          empty={data =>
            data.length ? null : <Empty title="Nobody yet">The grid fills when your site identifies people and some come back.</Empty>
          }
        >
          {() => (
            <div class="scroll" tabIndex={0} role="region" aria-label="Cohorts">
              <table class="cohorts">
                <caption class="visually-hidden">Share of people who were active so many weeks later, or later still</caption>
                <thead>
                  <tr>
                    <th scope="col">First week</th>
                    <th scope="col" class="number">
                      People
                    </th>
                    {Array.from({ length: weeks }, (_, i) => (
                      <th key={i} scope="col" class="number">
                        {i === 0 ? 'Week 0' : i}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {rows.map(row => (
                    <tr key={row.label} class={row.label === 'All' ? 'all' : ''}>
                      <th scope="row">{weekLabel(row.label)}</th>
                      <td class="number">{format.count(row.sum)}</td>
                      {Array.from({ length: weeks }, (_, i) => {
                        const share = row.shares[i];
                        return share === undefined ? (
                          <td key={i} />
                        ) : (
                          <td
                            key={i}
                            class={i > 0 && i === row.shares.length - 1 ? 'cell-share unfinished' : 'cell-share'}
                            title={i > 0 && i === row.shares.length - 1 ? 'This week, so far' : undefined}
                            style={{ '--share': share }}
                          >
                            {Math.round(share * 100)}%
                          </td>
                        );
                      })}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Answer>
      </Panel>
      <Panel
        title="Active visitors"
        stale={users.stale}
        actions={
          <>
            <select
              aria-label="Active within"
              value={days}
              onChange={event => navigate(here({ days: event.currentTarget.value === '7' ? null : event.currentTarget.value }))}
            >
              {DAYS.map(([value, text]) => (
                <option key={value} value={value}>
                  Within {text.toLowerCase()}
                </option>
              ))}
            </select>
            <IconButton
              icon={table ? 'chart' : 'table'}
              label={table ? 'Show as chart' : 'Show as table'}
              onClick={() => navigate(here({ view: table ? null : 'table' }), 'replace')}
            />
            <Take
              path={active.path}
              file={`${project.id}-active`}
              csv={users.data && (() => ({ head: ['date', 'visitors'], rows: users.data!.series.map(one => [one.date, one.users]) }))}
            />
          </>
        }
      >
        <Answer state={users} rows={8} empty={data => (data.series.length ? null : <Empty title="Nobody yet" />)}>
          {data => {
            const series = data.series.slice(-SHOWN_DAYS);
            return table ? (
              <DataTable
                caption="Active visitors by day"
                rows={series}
                keyOf={one => one.date}
                columns={[
                  { head: 'Day', cell: one => format.day(one.date) },
                  { head: 'Visitors', number: true, cell: one => format.count(one.users) },
                ]}
              />
            ) : (
              <Chart
                label="Active visitors by day"
                starts={series.map(one => bucketWall(one.date))}
                interval="day"
                wallNow={wallNow}
                series={[{ label: 'Visitors', values: series.map(one => one.users) }]}
                print={format.short}
                height={240}
              />
            );
          }}
        </Answer>
      </Panel>
      <Panel
        title="When they were last here"
        actions={
          <Take
            path={engagement.path}
            file={`${project.id}-engagement`}
            csv={away.data && (() => ({ head: ['days since', 'people'], rows: away.data!.distribution.map(one => [one.days, one.users]) }))}
          />
        }
      >
        <Answer state={away} rows={4} empty={data => (data.summary.total_identified_users ? null : <Empty title="Nobody yet" />)}>
          {({ summary }) => (
            <DataTable
              caption="People by the days since they were last here"
              keyOf={row => row[0]!.toString()}
              rows={
                [
                  ['Last 7 days', summary.active_last_7_days],
                  ['8 to 14 days ago', summary.active_8_to_14_days],
                  ['15 to 30 days ago', summary.active_15_to_30_days],
                  ['31 to 60 days ago', summary.inactive_31_to_60_days],
                  ['Longer ago', summary.churned_60_plus_days],
                ] as [string, number][]
              }
              columns={[
                { head: 'Last here', cell: row => row[0] },
                { head: 'People', number: true, cell: row => format.count(row[1]) },
                { head: 'Share', number: true, cell: row => format.percent((row[1] / summary.total_identified_users) * 100) },
              ]}
            />
          )}
        </Answer>
      </Panel>
    </>
  );
}
