import { useState } from 'preact/hooks';
import { ask, request, type Schemas } from '../../api/client';
import { useQuestion } from '../../api/use-question';
import * as format from '../../lib/format';
import { BASE } from '../../lib/place';
import { projectPath } from '../../lib/route';
import { useSession, useZone } from '../../ui/context';
import { DataTable } from '../../ui/data-table';
import { Answer, Confirm, Dialog, Empty, Field, Panel, Problem, Take, Text, useForm } from '../../ui/parts';

type Project = Schemas['Project'];
const address = (id: string) => `/manage/projects/${encodeURIComponent(id)}`;

export function Projects() {
  const { reload } = useSession();
  const zone = useZone();
  const question = ask('/manage/projects', {}, { includeDeleted: true });
  const state = useQuestion(question);
  const [edited, setEdited] = useState<Project | null>(null);
  const [deleted, setDeleted] = useState<Project | null>(null);
  const changed = async () => {
    await reload();
    state.refresh();
  };
  const form = useForm();
  const bringBack = (project: Project) =>
    form.run(async () => {
      await request('PATCH', address(project.id), {});
      await changed();
    });
  const rowsOf = (data: typeof state.data) => (data?.data ?? []) as Project[];
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <a class="button primary" href={`${BASE}manage/new-project`}>
            New project
          </a>
        </div>
      </div>
      {form.error && <Problem error={form.error} />}
      <Panel
        title="All projects"
        actions={
          <Take
            path={question.path}
            file="projects"
            csv={
              state.data &&
              (() => ({
                head: ['id', 'name', 'domain', 'events', 'createdAt'],
                rows: rowsOf(state.data).map(one => [one.id, one.name, one.domain, one.eventsCount, one.createdAt]),
              }))
            }
          />
        }
      >
        <Answer state={state} empty={data => (rowsOf(data).length ? null : <Empty title="No projects yet" />)}>
          {data => (
            <DataTable
              caption="Projects"
              rows={rowsOf(data)}
              keyOf={one => one.id}
              columns={[
                {
                  head: 'Name',
                  cell: one =>
                    one.deleteAt ? (
                      <>
                        <Text>{one.name}</Text> <span class="tag bad">deleted for good {format.ago(one.deleteAt)}</span>
                      </>
                    ) : (
                      <a href={projectPath(one.id, 'overview')}>
                        <Text>{one.name}</Text>
                      </a>
                    ),
                },
                { head: 'Domain', cell: one => <Text class="muted">{one.domain ?? '–'}</Text>, wide: true },
                { head: 'Events', cell: one => format.count(one.eventsCount), number: true },
                { head: 'Keeps', cell: one => (one.retentionDays ? `${format.count(one.retentionDays)} days` : 'for ever'), wide: true },
                {
                  head: 'Created',
                  cell: one => <span title={format.moment(one.createdAt, zone)}>{format.ago(one.createdAt)}</span>,
                  wide: true,
                },
                {
                  head: 'Actions',
                  number: true,
                  cell: one => (
                    <div class="row-actions">
                      {one.deleteAt ? (
                        <button type="button" class="button" onClick={() => void bringBack(one)} disabled={form.busy}>
                          Bring back
                        </button>
                      ) : (
                        <>
                          <button type="button" class="button" onClick={() => setEdited(one)} aria-label={`Edit ${one.name}`}>
                            Edit
                          </button>
                          <button type="button" class="button danger" onClick={() => setDeleted(one)} aria-label={`Delete ${one.name}`}>
                            Delete
                          </button>
                        </>
                      )}
                    </div>
                  ),
                },
              ]}
            />
          )}
        </Answer>
      </Panel>
      {edited && <EditProject project={edited} onClose={() => setEdited(null)} onSaved={changed} />}
      {deleted && (
        <Confirm
          title="Delete this project?"
          action="Delete project"
          name={deleted.name}
          onClose={() => setDeleted(null)}
          onConfirm={async () => {
            await request('DELETE', address(deleted.id));
            await changed();
          }}
        >
          <p>Its clients stop working now. For 24 hours it can be brought back; then its events, people and clients are gone for good.</p>
        </Confirm>
      )}
    </>
  );
}

const lines = (text: string): string[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean);

function EditProject({ project, onClose, onSaved }: { project: Project; onClose: () => void; onSaved: () => Promise<void> }) {
  const form = useForm();
  const [name, setName] = useState(project.name);
  const [domain, setDomain] = useState(project.domain ?? '');
  const [cors, setCors] = useState(project.cors.join('\n'));
  const [days, setDays] = useState(project.retentionDays?.toString() ?? '');
  const [revenue, setRevenue] = useState(project.allowUnsafeRevenueTracking);
  const save = () =>
    form.run(async () => {
      await request('PATCH', address(project.id), {
        name,
        domain: domain.trim() || null,
        cors: lines(cors),
        retentionDays: days ? Number(days) : null,
        allowUnsafeRevenueTracking: revenue,
      });
      onClose();
      await onSaved();
    });
  return (
    <Dialog title="Edit project" onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label="Name" error={form.problemOf('name')}>
          {(id, note) => (
            <input id={id} required dir="auto" aria-describedby={note} value={name} onInput={event => setName(event.currentTarget.value)} />
          )}
        </Field>
        <Field label="Domain" error={form.problemOf('domain')}>
          {(id, note) => (
            <input
              id={id}
              inputMode="url"
              placeholder="https://shop.example"
              aria-describedby={note}
              value={domain}
              onInput={event => setDomain(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field
          label="Pages that may send events"
          error={form.problemOf('cors')}
          hint="One origin in each line, such as https://shop.example or *.shop.example."
        >
          {(id, note) => (
            <textarea
              id={id}
              spellcheck={false}
              aria-describedby={note}
              value={cors}
              onInput={event => setCors(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Keep events for (days)" error={form.problemOf('retentionDays')} hint="Empty: for ever.">
          {(id, note) => (
            <input
              id={id}
              type="number"
              min={1}
              max={36500}
              aria-describedby={note}
              value={days}
              onInput={event => setDays(event.currentTarget.value)}
            />
          )}
        </Field>
        <label class="check">
          <input type="checkbox" checked={revenue} onChange={event => setRevenue(event.currentTarget.checked)} />
          <span>
            Believe revenue from browsers<small>Without a secret anybody can send it.</small>
          </span>
        </label>
        {form.error && form.error.details.length === 0 && <Problem error={form.error} />}
        <div class="form-actions">
          <button type="submit" class="button primary" disabled={form.busy}>
            Save
          </button>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
