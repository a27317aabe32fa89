import { useState } from 'preact/hooks';
import { askPlain, request } from '../../api/client';
import { useQuestion } from '../../api/use-question';
import * as format from '../../lib/format';
import { linkFor } from '../../lib/address';
import { HERE } from '../../lib/place';
import { useSession, useZone } from '../../ui/context';
import { DataTable } from '../../ui/data-table';
import { Answer, Code, Confirm, Dialog, Empty, Field, Panel, Problem, Take, Text, useForm } from '../../ui/parts';
import { ProjectFilter, useChosenProject } from './project-filter';

interface ShareLink {
  id: string;
  name: string;
  projectId: string;
  hasPassword: boolean;
  createdAt: string;
  expiresAt: string | null;
  /** Only in the answer that makes it. */
  url?: string;
}

const linksOf = (project: string) => `/manage/projects/${encodeURIComponent(project)}/share-links`;

export function Shares() {
  const { session } = useSession();
  const zone = useZone();
  const project = useChosenProject() ?? session.projects[0]?.id ?? null;
  const question = project ? askPlain<{ data: ShareLink[] }>('/manage/projects/{id}/share-links', { id: project }) : null;
  const state = useQuestion(question);
  const [open, setOpen] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const [ended, setEnded] = useState<ShareLink | null>(null);
  if (!project || !question) return <Empty title="There is no project yet" />;
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <ProjectFilter value={project} />
          <button type="button" class="button primary" onClick={() => setOpen(true)}>
            New link
          </button>
        </div>
      </div>
      <p class="intro">Whoever has a link sees the overview of one project, and nothing else: no people, no single events, no settings.</p>
      <Panel
        title="Share links"
        actions={
          <Take
            path={question.path}
            file="share-links"
            csv={
              state.data &&
              (() => ({
                head: ['name', 'password', 'createdAt', 'expiresAt'],
                rows: state.data!.data.map(one => [one.name, one.hasPassword, one.createdAt, one.expiresAt]),
              }))
            }
          />
        }
      >
        <Answer state={state} empty={data => (data.data.length ? null : <Empty title="No links yet" />)}>
          {data => (
            <DataTable
              caption="Share links"
              rows={data.data}
              keyOf={one => one.id}
              columns={[
                { head: 'Name', cell: one => <Text class="strong">{one.name}</Text> },
                { head: 'Password', cell: one => <span class="tag">{one.hasPassword ? 'with password' : 'open'}</span> },
                {
                  head: 'Made',
                  cell: one => <span title={format.moment(one.createdAt, zone)}>{format.ago(one.createdAt)}</span>,
                  wide: true,
                },
                { head: 'Ends', cell: one => (one.expiresAt ? format.moment(one.expiresAt, zone) : 'never'), wide: true },
                {
                  head: 'Actions',
                  number: true,
                  cell: one => (
                    <div class="row-actions">
                      <button type="button" class="button danger" aria-label={`End ${one.name}`} onClick={() => setEnded(one)}>
                        End
                      </button>
                    </div>
                  ),
                },
              ]}
            />
          )}
        </Answer>
      </Panel>
      {open && (
        <NewLink
          project={project}
          onClose={() => setOpen(false)}
          onMade={url => {
            setOpen(false);
            setMade(url);
            state.refresh();
          }}
        />
      )}
      {made && (
        <Dialog title="Your link" onClose={() => setMade(null)} wide>
          <p class="notice">It is shown once: copy it now.</p>
          <Code text={linkFor(made, session.publicUrl, HERE)} label="Share link" />
        </Dialog>
      )}
      {ended && (
        <Confirm
          title={`End “${ended.name}”?`}
          action="End link"
          onClose={() => setEnded(null)}
          onConfirm={async () => {
            await request('DELETE', `${linksOf(project)}/${encodeURIComponent(ended.id)}`);
            state.refresh();
          }}
        >
          <p>Whoever has it sees nothing more. This cannot be taken back.</p>
        </Confirm>
      )}
    </>
  );
}

function NewLink({ project, onClose, onMade }: { project: string; onClose: () => void; onMade: (url: string) => void }) {
  const form = useForm();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [expires, setExpires] = useState('');
  const create = () =>
    form.run(async () => {
      const { data } = await request<{ data: ShareLink }>('POST', linksOf(project), {
        name,
        ...(password ? { password } : {}),
        ...(expires ? { expiresAt: `${expires}T00:00:00Z` } : {}),
      });
      onMade(data.url ?? '');
    });
  return (
    <Dialog title="New share link" onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault();
          void create();
        }}
      >
        <Field label="Name" error={form.problemOf('name')} hint="For you, to know it again.">
          {(id, note) => (
            <input
              id={id}
              required
              dir="auto"
              placeholder="For the board"
              aria-describedby={note}
              value={name}
              onInput={event => setName(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Password" error={form.problemOf('password')} hint="8 characters or more. Empty: whoever has the link may look.">
          {(id, note) => (
            <input
              id={id}
              type="password"
              minLength={8}
              maxLength={128}
              autoComplete="new-password"
              aria-describedby={note}
              value={password}
              onInput={event => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Ends" error={form.problemOf('expiresAt')} hint="At midnight UTC of this day. Empty: never.">
          {(id, note) => (
            <input id={id} type="date" aria-describedby={note} value={expires} onInput={event => setExpires(event.currentTarget.value)} />
          )}
        </Field>
        {form.error && form.error.details.length === 0 && <Problem error={form.error} />}
        <div class="form-actions">
          <button type="submit" class="button primary" disabled={form.busy}>
            Create link
          </button>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
