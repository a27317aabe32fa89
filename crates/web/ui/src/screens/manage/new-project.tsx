import { useState } from 'preact/hooks';
import { request, type Schemas } from '../../api/client';
import { rememberFresh } from '../../fresh';
import { navigate, projectPath } from '../../lib/route';
import { useSession } from '../../ui/context';
import { Field, Problem, useForm } from '../../ui/parts';

/** The origin that a typed domain means: `shop.example` is `https://shop.example`. */
function originOf(domain: string): string {
  const text = domain.trim().replace(/\/+$/, '');
  return !text || /^https?:\/\//i.test(text) ? text : `${/^(localhost|127\.|\[::1\])/.test(text) ? 'http' : 'https'}://${text}`;
}

export function NewProject() {
  const { session, reload } = useSession();
  const form = useForm();
  const [name, setName] = useState('');
  const [domain, setDomain] = useState('');

  const create = () =>
    form.run(async () => {
      const origin = originOf(domain);
      const { data } = await request<{ data: Schemas['Project'] }>('POST', '/manage/projects', {
        name: name.trim(),
        ...(origin ? { domain: origin, cors: [origin], types: ['website'] } : { types: ['backend'] }),
      });
      if (data.client) rememberFresh(data.id, data.client);
      await reload();
      navigate(projectPath(data.id, 'setup'));
    });

  return (
    <>
      <div class="toolbar" />
      <div class="narrow">
        <p class="intro">
          {session.projects.length
            ? 'A project is one website, app or service, with numbers of its own.'
            : 'Welcome. A project is one website, app or service. Name yours, and the next page has the snippet for it.'}
        </p>
        <section class="panel">
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
                  maxLength={255}
                  dir="auto"
                  placeholder="My shop"
                  aria-describedby={note}
                  value={name}
                  onInput={event => setName(event.currentTarget.value)}
                />
              )}
            </Field>
            <Field
              label="Domain"
              error={form.problemOf('domain') ?? form.problemOf('cors')}
              hint="Where its pages are. Pages of this origin may send events. Leave it empty for a program without pages."
            >
              {(id, note) => (
                <input
                  id={id}
                  inputMode="url"
                  placeholder="shop.example"
                  aria-describedby={note}
                  value={domain}
                  onInput={event => setDomain(event.currentTarget.value)}
                />
              )}
            </Field>
            {form.error && form.error.details.length === 0 && <Problem error={form.error} />}
            <div class="form-actions">
              <button type="submit" class="button primary" disabled={form.busy}>
                Create project
              </button>
            </div>
          </form>
        </section>
      </div>
    </>
  );
}
