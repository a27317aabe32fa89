import { ask } from '../api/client';
import { useQuestion } from '../api/use-question';
import * as format from '../lib/format';
import { currentRoute, here, navigate } from '../lib/route';
import { useProject } from '../ui/context';
import { DataTable } from '../ui/data-table';
import { EventSelect, useEventNames } from '../ui/event-select';
import { Icon } from '../ui/icons';
import { Answer, Empty, IconButton, Panel, Take, Text } from '../ui/parts';
import { RangePicker, WindowNote } from '../ui/toolbar';
import { dates, useWindow } from '../ui/use-window';

const MOST = 10;
const HOURS = [
  [1, '1 hour'],
  [24, '1 day'],
  [168, '7 days'],
  [720, '30 days'],
] as const;
const OF_SESSIONS = ['session_start', 'session_end', 'screen_view'];

export function FunnelScreen() {
  const project = useProject();
  const { query } = currentRoute();
  const shown = useWindow();
  const names = useEventNames();
  const chosen = query.getAll('step').slice(0, MOST);
  // Until somebody chooses: from seeing a page to what happens most.
  const action = names.find(name => !OF_SESSIONS.includes(name));
  const steps = chosen.length ? chosen : action ? ['screen_view', action] : [];
  const by = query.get('by') === 'person' ? 'profile_id' : 'session_id';
  const hours = HOURS.find(([value]) => String(value) === query.get('hours'))?.[0] ?? 24;
  const complete = steps.filter(Boolean);
  const question =
    complete.length >= 2
      ? ask(
          '/insights/{projectId}/funnel',
          { projectId: project.id },
          { steps: complete, groupBy: by, windowHours: hours, ...dates(shown.window) },
        )
      : null;
  const state = useQuestion(question);
  const setSteps = (next: string[]) => navigate(here({ step: next }));
  const unit = by === 'profile_id' ? 'People' : 'Sessions';

  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <select
            aria-label="Who goes through it"
            value={by === 'profile_id' ? 'person' : 'session'}
            onChange={event => navigate(here({ by: event.currentTarget.value === 'person' ? 'person' : null }))}
          >
            <option value="session">Sessions</option>
            <option value="person">People</option>
          </select>
          <select
            aria-label="Time for all steps"
            value={String(hours)}
            onChange={event => navigate(here({ hours: event.currentTarget.value === '24' ? null : event.currentTarget.value }))}
          >
            {HOURS.map(([value, text]) => (
              <option key={value} value={String(value)}>
                Within {text}
              </option>
            ))}
          </select>
          <RangePicker key={shown.range} shown={shown} />
        </div>
      </div>
      <Panel class="builder" title="Steps">
        <ol class="steps">
          {steps.map((step, i) => (
            <li key={i}>
              <span class="letter" aria-hidden="true">
                {i + 1}
              </span>
              <EventSelect
                label={`Step ${i + 1}`}
                value={step}
                names={names}
                none="Choose an event…"
                onChange={name => setSteps(steps.map((one, k) => (k === i ? name : one)))}
              />
              {steps.length > 2 && (
                <IconButton icon="close" label={`Remove step ${i + 1}`} onClick={() => setSteps(steps.filter((_, k) => k !== i))} />
              )}
            </li>
          ))}
          {steps.length < MOST && (
            <li>
              <button
                type="button"
                class="button quiet"
                disabled={names.length === 0 && chosen.length === 0}
                onClick={() =>
                  setSteps([...steps, names.find(name => !steps.includes(name) && !OF_SESSIONS.includes(name)) ?? 'screen_view'])
                }
              >
                <Icon name="plus" />
                Step
              </button>
            </li>
          )}
        </ol>
      </Panel>
      <Panel
        title="Who went on"
        stale={state.stale}
        actions={
          <Take
            path={question?.path ?? null}
            file={`${project.id}-funnel`}
            csv={
              state.data &&
              (() => ({
                head: ['step', 'event', unit.toLowerCase(), 'of the first (%)', 'lost before the next (%)'],
                rows: state.data!.steps.map(one => [one.step, one.eventName, one.users, one.conversionRateFromStart, one.dropoffPercent]),
              }))
            }
          />
        }
      >
        <WindowNote shown={shown} />
        {question === null ? (
          <Empty title="Choose two events or more">A funnel shows how many go on from one to the next.</Empty>
        ) : (
          <Answer
            state={state}
            rows={8}
            empty={data =>
              data.totalUsers ? null : <Empty title="Nobody took the first step">Choose another event, or a longer range.</Empty>
            }
          >
            {data => (
              <>
                <p class="big-figure">
                  {format.percent(data.overallConversionRate)}{' '}
                  <span class="muted">
                    went all the way: {format.count(data.completedUsers)} of {format.count(data.totalUsers)} {unit.toLowerCase()}
                  </span>
                </p>
                <ol class="funnel" aria-hidden="true">
                  {data.steps.map(step => (
                    <li key={step.step}>
                      <div class="funnel-bar">
                        <div style={{ height: `${step.conversionRateFromStart}%` }} />
                      </div>
                      <Text class="strong">{step.eventName}</Text>
                      <div>
                        {format.count(step.users)} <span class="muted">{format.percent(step.conversionRateFromStart)}</span>
                      </div>
                      <div class={`small ${step.isHighestDropoff ? 'bad' : 'muted'}`}>
                        {step.dropoffPercent === null || step.dropoffPercent === undefined
                          ? ' '
                          : `−${format.percent(step.dropoffPercent)} before the next`}
                      </div>
                    </li>
                  ))}
                </ol>
                <DataTable
                  caption="The funnel in numbers"
                  rows={data.steps}
                  keyOf={step => String(step.step)}
                  columns={[
                    { head: 'Step', cell: step => <Text>{`${step.step}. ${step.eventName}`}</Text> },
                    { head: unit, cell: step => format.count(step.users), number: true },
                    { head: 'Of the first', cell: step => format.percent(step.conversionRateFromStart), number: true },
                    {
                      head: 'Lost before the next',
                      cell: step =>
                        step.dropoffPercent === null || step.dropoffPercent === undefined ? (
                          '–'
                        ) : (
                          <span class={step.isHighestDropoff ? 'bad' : ''}>{format.percent(step.dropoffPercent)}</span>
                        ),
                      number: true,
                    },
                  ]}
                />
              </>
            )}
          </Answer>
        )}
      </Panel>
    </>
  );
}
