import { useState } from 'preact/hooks';
import { ask, request, type Schemas } from '../../api/client';
import { useQuestion } from '../../api/use-question';
import * as format from '../../lib/format';
import { useSession, useZone } from '../../ui/context';
import { DataTable } from '../../ui/data-table';
import { Answer, Confirm, Dialog, Empty, Field, Panel, Problem, Take, Text, useForm } from '../../ui/parts';
import { ProjectFilter, useChosenProject } from './project-filter';

type Reference = Schemas['Reference'];
const address = (one: Reference) => `/manage/references/${encodeURIComponent(one.id)}`;

export function References() {
  const { session } = useSession();
  const zone = useZone();
  const projectId = useChosenProject();
  const question = ask('/manage/references', {}, { projectId });
  const state = useQuestion(question);
  const [edited, setEdited] = useState<Reference | 'new' | null>(null);
  const [deleted, setDeleted] = useState<Reference | null>(null);
  const rowsOf = (data: typeof state.data) => (data?.data ?? []) as Reference[];
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <ProjectFilter all="All projects" value={projectId} />
          <button type="button" class="button primary" onClick={() => setEdited('new')}>
            New reference
          </button>
        </div>
      </div>
      <p class="intro">A reference is a moment that explains the numbers: a launch, a campaign, an outage. Charts show it as a mark.</p>
      <Panel
        title="References"
        actions={
          <Take
            path={question.path}
            file="references"
            csv={
              state.data &&
              (() => ({
                head: ['project', 'title', 'date', 'description'],
                rows: rowsOf(state.data).map(one => [one.projectId, one.title, one.date, one.description]),
              }))
            }
          />
        }
      >
        <Answer state={state} empty={data => (rowsOf(data).length ? null : <Empty title="No references yet" />)}>
          {data => (
            <DataTable
              caption="References"
              rows={rowsOf(data)}
              keyOf={one => one.id}
              columns={[
                {
                  head: 'Title',
                  cell: one => (
                    <div class="two-lines">
                      <Text class="strong">{one.title}</Text>
                      {one.description && <Text class="muted small">{one.description}</Text>}
                    </div>
                  ),
                },
                { head: 'When', cell: one => format.moment(one.date, zone) },
                {
                  head: 'Project',
                  cell: one => <Text>{session.projects.find(project => project.id === one.projectId)?.name ?? one.projectId}</Text>,
                  wide: true,
                },
                {
                  head: 'Actions',
                  number: true,
                  cell: one => (
                    <div class="row-actions">
                      <button type="button" class="button" aria-label={`Edit ${one.title}`} onClick={() => setEdited(one)}>
                        Edit
                      </button>
                      <button type="button" class="button danger" aria-label={`Delete ${one.title}`} onClick={() => setDeleted(one)}>
                        Delete
                      </button>
                    </div>
                  ),
                },
              ]}
            />
          )}
        </Answer>
      </Panel>
      {edited && (
        <EditReference
          reference={edited === 'new' ? null : edited}
          projectId={projectId}
          onClose={() => setEdited(null)}
          onSaved={state.refresh}
        />
      )}
      {deleted && (
        <Confirm
          title={`Delete “${deleted.title}”?`}
          action="Delete reference"
          onClose={() => setDeleted(null)}
          onConfirm={async () => {
            await request('DELETE', address(deleted));
            state.refresh();
          }}
        >
          <p>Its mark goes from all charts.</p>
        </Confirm>
      )}
    </>
  );
}

/** A moment as an input of type `datetime-local` takes it, by the clock of this computer. */
function localTime(date: Date): string {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function EditReference({
  reference,
  projectId,
  onClose,
  onSaved,
}: {
  reference: Reference | null;
  projectId: string | null;
  onClose: () => void;
  onSaved: () => void;
}) {
  const { session } = useSession();
  const form = useForm();
  const [title, setTitle] = useState(reference?.title ?? '');
  const [description, setDescription] = useState(reference?.description ?? '');
  const [when, setWhen] = useState(localTime(reference ? new Date(reference.date) : new Date()));
  const [project, setProject] = useState(reference?.projectId ?? projectId ?? session.projects[0]?.id ?? '');
  const save = () =>
    form.run(async () => {
      const body = { title, description: description || null, datetime: new Date(when).toISOString() };
      await (reference
        ? request('PATCH', address(reference), body)
        : request('POST', '/manage/references', { ...body, projectId: project }));
      onClose();
      onSaved();
    });
  return (
    <Dialog title={reference ? 'Edit reference' : 'New reference'} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label="Title" error={form.problemOf('title')}>
          {(id, note) => (
            <input
              id={id}
              required
              dir="auto"
              placeholder="Version 2 is out"
              aria-describedby={note}
              value={title}
              onInput={event => setTitle(event.currentTarget.value)}
            />
          )}
        </Field>
        {!reference && (
          <Field label="Project" error={form.problemOf('projectId')}>
            {id => (
              <select id={id} value={project} onChange={event => setProject(event.currentTarget.value)}>
                {session.projects.map(one => (
                  <option key={one.id} value={one.id}>
                    {one.name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        <Field
          label="When"
          error={form.problemOf('datetime')}
          hint={`By the clock of this computer (${Intl.DateTimeFormat().resolvedOptions().timeZone}).`}
        >
          {(id, note) => (
            <input
              id={id}
              type="datetime-local"
              required
              aria-describedby={note}
              value={when}
              onInput={event => setWhen(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Description" error={form.problemOf('description')}>
          {(id, note) => (
            <textarea
              id={id}
              dir="auto"
              aria-describedby={note}
              value={description}
              onInput={event => setDescription(event.currentTarget.value)}
            />
          )}
        </Field>
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
