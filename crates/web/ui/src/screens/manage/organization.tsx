import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
import { ask, request } from '../../api/client';
import { useQuestion } from '../../api/use-question';
import { BASE } from '../../lib/place';
import * as format from '../../lib/format';
import { useBase, useSession, useZone } from '../../ui/context';
import { Answer, Field, Panel, Problem, useForm } from '../../ui/parts';

const ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone').filter(zone => zone !== 'UTC')];
const HEALTH_MS = 15_000;

export function OrganizationScreen() {
  const { session, reload } = useSession();
  const zone = useZone();
  const base = useBase();
  const form = useForm();
  const [name, setName] = useState(session.organization.name);
  const [timezone, setTimezone] = useState(session.organization.timezone);
  const [saved, setSaved] = useState(false);
  const health = useQuestion(ask('/healthz/ready', {}), HEALTH_MS);
  const save = () =>
    form.run(async () => {
      setSaved(false);
      await request('PATCH', '/manage/organization', { name, timezone });
      await reload();
      setSaved(true);
    });
  return (
    <>
      <div class="toolbar" />
      <div class="narrow">
        <Panel title="Organization">
          <form
            onSubmit={event => {
              event.preventDefault();
              void save();
            }}
          >
            <Field label="Name" error={form.problemOf('name')}>
              {(id, note) => (
                <input
                  id={id}
                  required
                  dir="auto"
                  aria-describedby={note}
                  value={name}
                  onInput={event => setName(event.currentTarget.value)}
                />
              )}
            </Field>
            <Field
              label="Time zone"
              error={form.problemOf('timezone')}
              hint="Where the days of all reports begin, and in which times are shown."
            >
              {(id, note) => (
                <select id={id} aria-describedby={note} value={timezone} onChange={event => setTimezone(event.currentTarget.value)}>
                  {(ZONES.includes(timezone) ? ZONES : [timezone, ...ZONES]).map(one => (
                    <option key={one} value={one}>
                      {one.replaceAll('_', ' ')}
                    </option>
                  ))}
                </select>
              )}
            </Field>
            {form.error && form.error.details.length === 0 && <Problem error={form.error} />}
            <div class="form-actions">
              <button type="submit" class="button primary" disabled={form.busy}>
                Save
              </button>
              <p class="verdict good" role="status">
                {saved && !form.busy ? 'Saved' : ''}
              </p>
            </div>
          </form>
        </Panel>
        <Panel title="Server">
          <Answer state={health} rows={3}>
            {data => (
              <dl class="facts">
                {Object.entries(data.backends).map(([backend, state]) => (
                  <Fragment key={backend}>
                    <dt>{backend}</dt>
                    <dd>
                      <span class={`tag ${state === 'up' ? 'on' : 'bad'}`}>{String(state)}</span>
                    </dd>
                  </Fragment>
                ))}
                <dt>Version</dt>
                <dd>
                  {session.version} (
                  <a href={`${BASE}licences.md`} download>
                    licences of this page
                  </a>
                  )
                </dd>
                <dt>Address</dt>
                <dd>{base}</dd>
                <dt>Your session</dt>
                <dd>
                  ends {format.ago(session.expiresAt)} ({format.moment(session.expiresAt, zone)})
                </dd>
              </dl>
            )}
          </Answer>
        </Panel>
      </div>
    </>
  );
}
