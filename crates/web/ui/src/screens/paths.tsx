import { linkHorizontal } from 'd3-shape';
import { useRef } from 'preact/hooks';
import { ask, type Schemas } from '../api/client';
import { useQuestion } from '../api/use-question';
import { placeFlow } from '../lib/flow';
import * as format from '../lib/format';
import { currentRoute, here, navigate } from '../lib/route';
import { useProject } from '../ui/context';
import { DataTable } from '../ui/data-table';
import { EventSelect, useEventNames } from '../ui/event-select';
import { Answer, Empty, Panel, Take, Text } from '../ui/parts';
import { RangePicker, WindowNote } from '../ui/toolbar';
import { dates, useWindow } from '../ui/use-window';
import { useWidth } from '../ui/use-width';

const MODES = [
  ['after', 'What comes after'],
  ['before', 'What comes before'],
  ['between', 'What lies between'],
] as const;
const STEPS = [3, 4, 5, 6, 8, 10];
const OF_SESSIONS = ['session_start', 'session_end'];

export function Paths() {
  const project = useProject();
  const { query } = currentRoute();
  const shown = useWindow();
  const names = useEventNames();
  const mode = MODES.find(([name]) => name === query.get('mode'))?.[0] ?? 'after';
  const start = query.get('start') ?? (names.includes('screen_view') || names.length === 0 ? 'screen_view' : names[0]!);
  const end = query.get('end') ?? '';
  const steps = STEPS.find(value => String(value) === query.get('steps')) ?? 5;
  const missing = mode === 'between' && !end;
  const question = missing
    ? null
    : ask(
        '/insights/{projectId}/user_flow',
        { projectId: project.id },
        {
          startEvent: start,
          endEvent: mode === 'between' ? end : null,
          mode,
          steps,
          ...dates(shown.window),
          // What begins and ends every session says nothing, unless it is asked for.
          exclude: OF_SESSIONS.filter(name => name !== start && name !== end),
        },
      );
  const state = useQuestion(question);
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <RangePicker key={shown.range} shown={shown} />
        </div>
      </div>
      <Panel class="builder">
        <div class="builder-row">
          <select
            aria-label="Direction"
            value={mode}
            onChange={event => navigate(here({ mode: event.currentTarget.value === 'after' ? null : event.currentTarget.value }))}
          >
            {MODES.map(([name, text]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
          <EventSelect label="Event" value={start} names={names} onChange={name => navigate(here({ start: name }))} />
          {mode === 'between' && (
            <>
              <span class="muted">and</span>
              <EventSelect
                label="Last event"
                value={end}
                names={names}
                none="Choose an event…"
                onChange={name => navigate(here({ end: name || null }))}
              />
            </>
          )}
          <select aria-label="Steps" value={String(steps)} onChange={event => navigate(here({ steps: event.currentTarget.value }))}>
            {STEPS.map(value => (
              <option key={value} value={String(value)}>
                {value} steps
              </option>
            ))}
          </select>
        </div>
      </Panel>
      <Panel
        title="Paths of sessions"
        stale={state.stale}
        actions={
          <Take
            path={question?.path ?? null}
            file={`${project.id}-paths`}
            csv={
              state.data &&
              (() => ({ head: ['from', 'to', 'sessions'], rows: rowsOf(state.data!).map(row => [row.from, row.to, row.value]) }))
            }
          />
        }
      >
        <WindowNote shown={shown} />
        {missing ? (
          <Empty title="Choose the last event">Paths between two events are shown.</Empty>
        ) : (
          <Answer
            state={state}
            rows={9}
            empty={data => (data.links.length ? null : <Empty title="No paths">No session went on from this event in this time.</Empty>)}
          >
            {data => (
              <>
                <Flow flow={data} />
                <DataTable
                  caption="Steps from one event to the next"
                  rows={rowsOf(data)}
                  keyOf={row => row.key}
                  columns={[
                    { head: 'From', cell: row => <Text>{row.from}</Text> },
                    { head: 'To', cell: row => <Text>{row.to}</Text> },
                    { head: 'Step', cell: row => row.step, number: true, wide: true },
                    { head: 'Sessions', cell: row => format.count(row.value), number: true },
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

function rowsOf(flow: Schemas['UserFlow']) {
  const nodes = new Map(flow.nodes.map(node => [node.id, node]));
  return flow.links
    .map(link => ({
      key: `${link.source} ${link.target}`,
      from: nodes.get(link.source)?.label ?? '',
      to: nodes.get(link.target)?.label ?? '',
      step: nodes.get(link.source)?.step ?? 0,
      value: link.value,
    }))
    .sort((a, b) => a.step - b.step || b.value - a.value);
}

const NODE = 10;
const HEIGHT = 320;
/** The room of a label behind the last column, and the least between two. */
const LABEL = 180;

function Flow({ flow }: { flow: Schemas['UserFlow'] }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const gaps = Math.max(new Set(flow.nodes.map(node => node.step)).size - 1, 1);
  const column = Math.max((width - LABEL) / gaps, LABEL);
  const placed = placeFlow(flow.nodes, flow.links, { column, node: NODE, height: HEIGHT });
  const band = linkHorizontal();
  const cut = (text: string) => (text.length > 22 ? `${text.slice(0, 21)}…` : text);
  return (
    <div class="scroll flow" ref={box} tabIndex={0} role="region" aria-label="Flow; the table below has its numbers">
      <svg width={placed.width + LABEL} height={placed.height} aria-hidden="true">
        {placed.links.map(link => (
          <path key={link.key} class="band" d={band({ source: link.from, target: link.to }) ?? ''} stroke-width={link.width} />
        ))}
        {placed.nodes.map(node => (
          <g key={node.id}>
            <rect class="node" x={node.x} y={node.y} width={NODE} height={node.height} rx="2" />
            <text class="node-label" x={node.x} y={node.y - 8}>
              <title>{node.label}</title>
              {cut(node.label)} <tspan class="node-value">{format.count(node.value)}</tspan>
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}
