import { ask, type Schemas } from '../api/client';
import { useQuestion } from '../api/use-question';
import * as format from '../lib/format';
import { BASE } from '../lib/place';
import { currentRoute, here, projectPath } from '../lib/route';
import { addDays, wallClock } from '../lib/time';
import { useSession, useZone } from '../ui/context';
import { Answer, Empty, Text } from '../ui/parts';
import { Sparkline } from '../ui/sparkline';

type Glance = Schemas['Glance'];

const PAGE = 24;
const REFRESH_MS = 60_000;

/** How all projects do, to choose one. */
export function AllProjects() {
  const { session } = useSession();
  const today = wallClock(new Date(), useZone()).slice(0, 10);
  const cursor = currentRoute().query.get('cursor');
  const state = useQuestion(ask('/insights', {}, { startDate: addDays(today, -6), endDate: today, limit: PAGE, cursor }), REFRESH_MS);
  const next = state.data?.meta?.nextCursor;
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          {session.client.type === 'root' && (
            <a class="button primary" href={`${BASE}manage/new-project`}>
              New project
            </a>
          )}
        </div>
      </div>
      <Answer
        state={state}
        rows={8}
        empty={data => (data.data.length ? null : <Empty title="No more projects">There are none behind the ones before.</Empty>)}
      >
        {data => (
          <ul class={`glances ${state.stale ? 'stale' : ''}`}>
            {data.data.map(one => (
              <li key={one.project.id}>
                <Card glance={one} />
              </li>
            ))}
          </ul>
        )}
      </Answer>
      {(cursor || next) && (
        <nav class="pager" aria-label="Pages">
          {cursor && (
            <a class="button" href={here({ cursor: null })}>
              Newest projects
            </a>
          )}
          {next && (
            <a class="button" href={here({ cursor: next })}>
              Older projects
            </a>
          )}
        </nav>
      )}
    </>
  );
}

function Card({ glance }: { glance: Glance }) {
  // A project whose figures took too long has none; the others are shown all the same.
  const { project, live, series, metrics } = glance;
  const today = series.at(-1)?.unique_visitors;
  return (
    <a class="glance" href={projectPath(project.id, 'overview')}>
      <span class="glance-head">
        <Text class="strong">{project.name}</Text>
        {live !== null && live > 0 && (
          <span class="live">
            <i class="on" aria-hidden="true" />
            {format.count(live)} now
          </span>
        )}
      </span>
      <Text class="muted small">{project.domain?.replace(/^https?:\/\//, '') ?? '–'}</Text>
      {metrics ? (
        <>
          <Sparkline values={series.map(point => point.unique_visitors)} />
          <span class="glance-figures">
            <span>
              <span class="card-label">Visitors today</span>
              <span class="glance-value">{today === undefined ? '–' : format.short(today)}</span>
            </span>
            <span>
              <span class="card-label">In 7 days</span>
              <span class="glance-value">{format.short(metrics.unique_visitors)}</span>
            </span>
          </span>
        </>
      ) : (
        <span class="muted glance-none">Its figures could not be had. Open it to try again.</span>
      )}
    </a>
  );
}
