import { useState } from 'preact/hooks';
import { ask, request, type Schemas } from '../../api/client';
import { useQuestion } from '../../api/use-question';
import { rememberFresh } from '../../fresh';
import * as format from '../../lib/format';
import { useSession, useZone } from '../../ui/context';
import { DataTable } from '../../ui/data-table';
import { Answer, Code, Confirm, Dialog, Empty, Field, Panel, Problem, Take, Text, useForm } from '../../ui/parts';
import { ProjectFilter, useChosenProject } from './project-filter';

type Client = Schemas['Client'];
type Shown = { id: string; secret: string; until: string | null };
type Open = { what: 'create' } | { what: 'edit' | 'rotate' | 'delete'; client: Client } | { what: 'secret'; shown: Shown };
const address = (client: Client) => `/manage/clients/${encodeURIComponent(client.id)}`;

function stateOf(client: Client): { text: string; class: string } {
  if (!client.enabled) return { text: 'disabled', class: 'bad' };
  if (client.expiresAt && format.instant(client.expiresAt) < new Date()) return { text: 'expired', class: 'bad' };
  return client.expiresAt
    ? { text: `until ${format.ago(client.expiresAt).replace(/^in /, 'in ')}`, class: '' }
    : { text: 'active', class: '' };
}

export function Clients() {
  const { session } = useSession();
  const zone = useZone();
  const projectId = useChosenProject();
  const question = ask('/manage/clients', {}, { projectId });
  const state = useQuestion(question);
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const rowsOf = (data: typeof state.data) => (data?.data ?? []) as Client[];
  const projectName = (id: string | null | undefined) => session.projects.find(one => one.id === id)?.name ?? id ?? 'All projects';
  const form = useForm();
  const toggle = (client: Client) =>
    form.run(async () => {
      await request('PATCH', address(client), { enabled: !client.enabled });
      state.refresh();
    });
  return (
    <>
      <div class="toolbar">
        <div class="tools">
          <ProjectFilter all="All projects" value={projectId} />
          <button type="button" class="button primary" onClick={() => setOpen({ what: 'create' })}>
            New client
          </button>
        </div>
      </div>
      {form.error && <Problem error={form.error} />}
      <Panel
        title="Clients"
        actions={
          <Take
            path={question.path}
            file="clients"
            csv={
              state.data &&
              (() => ({
                head: ['id', 'name', 'type', 'project', 'enabled', 'expiresAt', 'lastUsedAt'],
                rows: rowsOf(state.data).map(one => [
                  one.id,
                  one.name,
                  one.type,
                  one.projectId,
                  one.enabled,
                  one.expiresAt,
                  one.lastUsedAt,
                ]),
              }))
            }
          />
        }
      >
        <Answer
          state={state}
          empty={data =>
            rowsOf(data).length ? null : <Empty title="No clients">A client is an id and a secret with which a program comes.</Empty>
          }
        >
          {data => (
            <DataTable
              caption="Clients"
              rows={rowsOf(data)}
              keyOf={one => one.id}
              columns={[
                {
                  head: 'Name',
                  cell: one => (
                    <div class="two-lines">
                      <Text class="strong">{one.name}</Text>
                      <Text class="muted small">{one.id}</Text>
                    </div>
                  ),
                },
                { head: 'Type', cell: one => <span class={`tag ${one.type === 'root' ? 'on' : ''}`}>{one.type}</span> },
                { head: 'Project', cell: one => <Text>{projectName(one.projectId)}</Text>, wide: true },
                {
                  head: 'State',
                  cell: one => {
                    const shown = stateOf(one);
                    return <span class={`tag ${shown.class}`}>{shown.text}</span>;
                  },
                },
                {
                  head: 'Last used',
                  cell: one => <span title={format.moment(one.lastUsedAt, zone)}>{format.ago(one.lastUsedAt)}</span>,
                  wide: true,
                },
                {
                  head: 'Actions',
                  number: true,
                  cell: one => (
                    <div class="row-actions">
                      <button
                        type="button"
                        class="button"
                        aria-label={`Edit ${one.name}`}
                        onClick={() => setOpen({ what: 'edit', client: one })}
                      >
                        Edit
                      </button>
                      <button
                        type="button"
                        class="button"
                        aria-label={`Rotate the secret of ${one.name}`}
                        onClick={() => setOpen({ what: 'rotate', client: one })}
                      >
                        Rotate
                      </button>
                      {one.id !== session.client.id && (
                        <button
                          type="button"
                          class="button"
                          aria-label={`${one.enabled ? 'Disable' : 'Enable'} ${one.name}`}
                          onClick={() => void toggle(one)}
                        >
                          {one.enabled ? 'Disable' : 'Enable'}
                        </button>
                      )}
                      {one.id !== session.client.id && (
                        <button
                          type="button"
                          class="button danger"
                          aria-label={`Delete ${one.name}`}
                          onClick={() => setOpen({ what: 'delete', client: one })}
                        >
                          Delete
                        </button>
                      )}
                    </div>
                  ),
                },
              ]}
            />
          )}
        </Answer>
      </Panel>
      {open?.what === 'create' && (
        <CreateClient
          projectId={projectId}
          onClose={close}
          onMade={shown => {
            state.refresh();
            setOpen({ what: 'secret', shown });
          }}
        />
      )}
      {open?.what === 'edit' && <EditClient client={open.client} onClose={close} onSaved={state.refresh} />}
      {open?.what === 'rotate' && (
        <RotateClient
          client={open.client}
          own={open.client.id === session.client.id}
          onClose={close}
          onMade={shown => {
            state.refresh();
            setOpen({ what: 'secret', shown });
          }}
        />
      )}
      {open?.what === 'delete' && (
        <Confirm
          title={`Delete “${open.client.name}”?`}
          action="Delete client"
          onClose={close}
          onConfirm={async () => {
            await request('DELETE', address(open.client));
            state.refresh();
          }}
        >
          <p>Programs that use it are refused from now on. This cannot be taken back.</p>
        </Confirm>
      )}
      {open?.what === 'secret' && (
        <Dialog title="Keep this secret" onClose={close} wide>
          <p class="notice">It is shown once. The server keeps only a hash of it.</p>
          <p class="muted">Client id</p>
          <Code text={open.shown.id} label="Client id" />
          <p class="muted">Client secret</p>
          <Code text={open.shown.secret} label="Client secret" />
          {open.shown.until && <p class="muted">The secret before works until {format.moment(open.shown.until, zone)}.</p>}
        </Dialog>
      )}
    </>
  );
}

const TYPES = [
  ['write', 'write', 'Sends events of one project.'],
  ['read', 'read', 'Reads numbers of one project, and may sign in here.'],
  ['root', 'root', 'Everything, of all projects.'],
] as const;

function CreateClient({ projectId, onClose, onMade }: { projectId: string | null; onClose: () => void; onMade: (shown: Shown) => void }) {
  const { session } = useSession();
  const form = useForm();
  const [name, setName] = useState('');
  const [type, setType] = useState<string>('write');
  const [project, setProject] = useState(projectId ?? session.projects[0]?.id ?? '');
  const create = () =>
    form.run(async () => {
      const { data } = await request<{ data: Client }>('POST', '/manage/clients', {
        name,
        type,
        ...(type === 'root' ? {} : { projectId: project }),
      });
      if (type === 'write' && data.secret) rememberFresh(project, { id: data.id, secret: data.secret });
      onMade({ id: data.id, secret: data.secret ?? '', until: null });
    });
  return (
    <Dialog title="New client" onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault();
          void create();
        }}
      >
        <Field label="Name" error={form.problemOf('name')}>
          {(id, note) => (
            <input
              id={id}
              required
              dir="auto"
              placeholder="Website"
              aria-describedby={note}
              value={name}
              onInput={event => setName(event.currentTarget.value)}
            />
          )}
        </Field>
        <fieldset>
          <legend>Type</legend>
          {TYPES.map(([value, text, note]) => (
            <label key={value} class="check">
              <input type="radio" name="type" value={value} checked={type === value} onChange={() => setType(value)} />
              <span>
                {text}
                <small>{note}</small>
              </span>
            </label>
          ))}
        </fieldset>
        {type !== 'root' && (
          <Field label="Project" error={form.problemOf('projectId')}>
            {(id, note) => (
              <select id={id} aria-describedby={note} value={project} onChange={event => setProject(event.currentTarget.value)}>
                {session.projects.map(one => (
                  <option key={one.id} value={one.id}>
                    {one.name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        {form.error && form.error.details.length === 0 && <Problem error={form.error} />}
        <div class="form-actions">
          <button type="submit" class="button primary" disabled={form.busy}>
            Create client
          </button>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const GROUPS = ['manage', 'export', 'insights', 'track'] as const;
const lines = (text: string): string[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean);

/** `100/10` as a rate, or null where nothing is typed. */
function rateOf(text: string): { limit: number; windowSeconds: number } | null {
  const [limit, seconds = '10'] = text.split('/').map(part => part.trim());
  return limit ? { limit: Number(limit), windowSeconds: Number(seconds) } : null;
}

function EditClient({ client, onClose, onSaved }: { client: Client; onClose: () => void; onSaved: () => void }) {
  const form = useForm();
  const [name, setName] = useState(client.name);
  const [expires, setExpires] = useState(client.expiresAt?.slice(0, 10) ?? '');
  const [ips, setIps] = useState(client.allowedIps.join('\n'));
  const [rates, setRates] = useState<Record<string, string>>(() =>
    Object.fromEntries(
      GROUPS.map(group => {
        const rate = client.rateLimits?.[group];
        return [group, rate ? `${rate.limit}/${rate.windowSeconds}` : ''];
      }),
    ),
  );
  const save = () =>
    form.run(async () => {
      const limits = Object.fromEntries(
        GROUPS.flatMap(group => {
          const rate = rateOf(rates[group] ?? '');
          return rate ? [[group, rate]] : [];
        }),
      );
      await request('PATCH', address(client), {
        name,
        allowedIps: lines(ips),
        rateLimits: Object.keys(limits).length ? limits : null,
        // A date that was not touched keeps its time of day.
        ...(expires === (client.expiresAt?.slice(0, 10) ?? '') ? {} : { expiresAt: expires ? `${expires}T00:00:00Z` : null }),
      });
      onClose();
      onSaved();
    });
  return (
    <Dialog title="Edit client" onClose={onClose}>
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
        <Field label="Expires" error={form.problemOf('expiresAt')} hint="At midnight UTC of this day. Empty: never.">
          {(id, note) => (
            <input id={id} type="date" aria-describedby={note} value={expires} onInput={event => setExpires(event.currentTarget.value)} />
          )}
        </Field>
        <Field label="Allowed addresses" error={form.problemOf('allowedIps')} hint="One address or network in each line. Empty: all.">
          {(id, note) => (
            <textarea
              id={id}
              spellcheck={false}
              aria-describedby={note}
              placeholder="203.0.113.0/24"
              value={ips}
              onInput={event => setIps(event.currentTarget.value)}
            />
          )}
        </Field>
        <fieldset>
          <legend>Limits of its own</legend>
          <p class="hint">Requests per seconds, such as 100/10. Empty: the server's.</p>
          <div class="form-row">
            {GROUPS.map(group => (
              <Field key={group} label={group}>
                {id => (
                  <input
                    id={id}
                    pattern="\s*[0-9]+\s*(/\s*[0-9]+\s*)?"
                    placeholder="100/10"
                    value={rates[group]}
                    onInput={event => setRates({ ...rates, [group]: event.currentTarget.value })}
                  />
                )}
              </Field>
            ))}
          </div>
          {form.problemOf('rateLimits') && <p class="field-error">{form.problemOf('rateLimits')}</p>}
        </fieldset>
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

const GRACES = [
  [0, 'At once'],
  [3600, 'In an hour'],
  [86_400, 'In a day'],
  [604_800, 'In a week'],
] as const;

function RotateClient({
  client,
  own,
  onClose,
  onMade,
}: {
  client: Client;
  own: boolean;
  onClose: () => void;
  onMade: (shown: Shown) => void;
}) {
  const form = useForm();
  const [grace, setGrace] = useState(86_400);
  const rotate = () =>
    form.run(async () => {
      const { data } = await request<{ data: Client & { previousSecretExpiresAt: string | null } }>('POST', `${address(client)}/rotate`, {
        graceSeconds: grace,
      });
      if (client.type === 'write' && client.projectId && data.secret) rememberFresh(client.projectId, { id: data.id, secret: data.secret });
      onMade({ id: data.id, secret: data.secret ?? '', until: data.previousSecretExpiresAt });
    });
  return (
    <Dialog title={`A new secret for “${client.name}”`} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault();
          void rotate();
        }}
      >
        {own && <p class="notice">You are signed in with this client: when the old secret ends, this session may end, too.</p>}
        <fieldset>
          <legend>The old secret ends</legend>
          {GRACES.map(([seconds, text]) => (
            <label key={seconds} class="check">
              <input type="radio" name="grace" checked={grace === seconds} onChange={() => setGrace(seconds)} />
              <span>{text}</span>
            </label>
          ))}
        </fieldset>
        {form.error && <Problem error={form.error} />}
        <div class="form-actions">
          <button type="submit" class="button primary" disabled={form.busy}>
            Rotate
          </button>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
