import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError } from '../api/client';
import { openShare, signIn, type Session } from '../api/session';
import { Field } from '../ui/parts';

/** Why signing in failed, in the words of whoever tries. */
function reason(error: ApiError): string {
  if (error.trouble === 'limited') return `Too many attempts. Try again in ${error.retryAfter ?? 60} seconds.`;
  if (error.trouble === 'offline') return 'The server cannot be reached. Is it running?';
  if (error.trouble === 'unavailable') return 'The server cannot check this now. Try again in a moment.';
  return error.message;
}

function useAttempt(onOpen: (session: Session) => void) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const attempt = async (work: () => Promise<Session>) => {
    setBusy(true);
    setProblem(null);
    try {
      onOpen(await work());
    } catch (error) {
      setProblem(error instanceof ApiError ? reason(error) : String(error));
      setBusy(false);
    }
  };
  return { busy, problem, attempt };
}

function Alone({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <main class="alone">
      <div class="brand">
        <i aria-hidden="true" />
        paneld
      </div>
      <h1>{title}</h1>
      {children}
    </main>
  );
}

export function SignIn({ ended, why, onOpen }: { ended: boolean; why: ApiError | null; onOpen: (session: Session) => void }) {
  const { busy, problem, attempt } = useAttempt(onOpen);
  const [id, setId] = useState('');
  const [secret, setSecret] = useState('');
  const shown =
    problem ??
    (why ? 'This link has been used already, or is too old. Ask for a new one with “paneld admin console”, or sign in below.' : null);
  return (
    <Alone title="Sign in">
      {ended && (
        <p class="notice" role="status">
          Your session has ended. Sign in again to go on where you were.
        </p>
      )}
      <form
        onSubmit={event => {
          event.preventDefault();
          void attempt(() => signIn({ clientId: id.trim(), clientSecret: secret.trim() }));
        }}
      >
        {shown && (
          <p class="form-problem" role="alert">
            {shown}
          </p>
        )}
        <Field label="Client id">
          {field => (
            <input
              id={field}
              name="username"
              autoComplete="username"
              required
              spellcheck={false}
              value={id}
              onInput={event => setId(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Client secret" hint="Of a client of type read or root.">
          {(field, note) => (
            <input
              id={field}
              name="password"
              type="password"
              autoComplete="current-password"
              required
              aria-describedby={note}
              value={secret}
              onInput={event => setSecret(event.currentTarget.value)}
            />
          )}
        </Field>
        <button type="submit" class="button primary block" disabled={busy}>
          Sign in
        </button>
      </form>
      <p class="muted small">
        The server printed a link that signs you in at its first start. <code>paneld admin console</code> prints a new one.
      </p>
    </Alone>
  );
}

export function ShareDoor({ token, onOpen }: { token: string; onOpen: (session: Session) => void }) {
  const { busy, problem, attempt } = useAttempt(onOpen);
  const [password, setPassword] = useState('');
  return (
    <Alone title="This page needs a password">
      <form
        onSubmit={event => {
          event.preventDefault();
          void attempt(() => openShare(token, password));
        }}
      >
        {problem && (
          <p class="form-problem" role="alert">
            {problem}
          </p>
        )}
        <Field label="Password">
          {field => (
            <input
              id={field}
              type="password"
              autoComplete="off"
              required
              value={password}
              onInput={event => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        <button type="submit" class="button primary block" disabled={busy}>
          Open
        </button>
      </form>
    </Alone>
  );
}
