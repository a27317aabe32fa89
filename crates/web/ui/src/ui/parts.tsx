import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../api/client';
import type { State } from '../api/use-question';
import { useBase } from './context';
import { curlLine } from '../lib/curl';
import { download, toCsv, type Cell } from '../lib/csv';
import { Icon, type IconName } from './icons';

export function IconButton({ icon, label, onClick, pressed }: { icon: IconName; label: string; onClick: () => void; pressed?: boolean }) {
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} onClick={onClick} aria-pressed={pressed}>
      <Icon name={icon} />
    </button>
  );
}

/** A dialog of the browser: it holds the focus, ends with Escape, and gives the focus back. */
export function Dialog({
  title,
  onClose,
  children,
  wide,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? 'dialog wide' : 'dialog'}
      aria-labelledby={heading}
      onClose={onClose}
      onClick={event => event.target === element.current && element.current?.close()}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={heading}>{title}</h2>
          <IconButton icon="close" label="Close" onClick={() => element.current?.close()} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      // Without TLS a browser has no clipboard: the text beside the button can be selected.
    }
  };
  return (
    <button type="button" class="button" onClick={copy}>
      <Icon name={copied ? 'check' : 'copy'} />
      <span aria-live="polite">{copied ? 'Copied' : label}</span>
    </button>
  );
}

/** A text to take along, with its copy button. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <div class="code">
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <CopyButton text={text} />
    </div>
  );
}

/** What a chart or table shows, to be taken elsewhere: as the request, and as a file. */
export function Take({
  path,
  file,
  csv,
}: {
  path: string | null;
  file: string;
  csv?: (() => { head: string[]; rows: Cell[][] }) | null | undefined;
}) {
  const [open, setOpen] = useState(false);
  const base = useBase();
  return (
    <>
      {path && <IconButton icon="terminal" label="Show as curl" onClick={() => setOpen(true)} />}
      {csv && (
        <IconButton
          icon="download"
          label="Download as CSV"
          onClick={() => {
            const { head, rows } = csv();
            download(`${file}.csv`, toCsv(head, rows));
          }}
        />
      )}
      {open && path && (
        <Dialog title="The same with curl" onClose={() => setOpen(false)} wide>
          <p class="muted">
            With the id and the secret of a read or root client in <code>$ID</code> and <code>$SECRET</code>.
          </p>
          <Code text={curlLine(base, path)} label="The command" />
        </Dialog>
      )}
    </>
  );
}

export function Panel({
  title,
  actions,
  children,
  stale,
  class: name = '',
}: {
  title?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
  stale?: boolean;
  class?: string;
}) {
  return (
    <section class={`panel ${stale ? 'stale' : ''} ${name}`} aria-busy={stale}>
      {(title || actions) && (
        <header class="panel-head">
          {typeof title === 'string' ? <h2>{title}</h2> : title}
          {actions && <div class="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

/** Tabs by the pattern of the ARIA guide: arrows move, one of them is in the tab order. */
export function Tabs<T extends string>({
  label,
  tabs,
  value,
  onChange,
}: {
  label: string;
  tabs: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const at = (tabs.findIndex(([name]) => name === value) + step + tabs.length) % tabs.length;
    onChange(tabs[at]![0]);
    (list.current?.children[at] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
      {tabs.map(([name, text]) => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={name === value}
          tabIndex={name === value ? 0 : -1}
          onClick={() => onChange(name)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

const TITLES: Record<ApiError['trouble'], string> = {
  'signed-out': 'Your session has ended',
  forbidden: 'This is not for your client',
  missing: 'There is no such thing',
  wrong: 'The server does not understand this question',
  limited: 'Too many requests',
  unavailable: 'The server is busy, or a part of it is away',
  offline: 'The server cannot be reached',
  broken: 'Something went wrong',
};

export function Problem({ error, onRetry }: { error: ApiError; onRetry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <strong>{TITLES[error.trouble]}</strong>
      {error.trouble !== 'offline' && <p>{error.message}</p>}
      {error.details.length > 0 && (
        <ul>
          {error.details.map(detail => (
            <li key={detail.path.join('.') + detail.message}>
              <code>{detail.path.join('.')}</code> {detail.message}
            </li>
          ))}
        </ul>
      )}
      {error.passes && onRetry && (
        <p class="muted">It is asked again by itself{error.retryAfter ? `, in ${error.retryAfter} seconds` : ''}.</p>
      )}
      {onRetry && error.trouble !== 'forbidden' && error.trouble !== 'missing' && (
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children && <div class="muted">{children}</div>}
    </div>
  );
}

/** The room that an answer will take, so that nothing jumps when it comes. */
export function Skeleton({ rows = 6, show }: { rows?: number; show: boolean }) {
  return (
    <div class={show ? 'skeleton' : 'skeleton hidden'} role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} style={{ width: `${92 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

/** An answer, or what is shown in its place. */
export function Answer<T>({
  state,
  rows,
  empty,
  children,
}: {
  state: State<T>;
  rows?: number;
  empty?: (data: T) => ComponentChildren | null;
  children: (data: T) => ComponentChildren;
}) {
  // What was shown before is an answer still while the server is away, but none to a question that is wrong.
  const kept = state.data !== undefined && (state.error === null || state.error.passes);
  if (!kept) return state.error ? <Problem error={state.error} onRetry={state.refresh} /> : <Skeleton rows={rows ?? 6} show={state.slow} />;
  return (
    <>
      {state.error && (
        <div class="problem brief" role="alert">
          <strong>{TITLES[state.error.trouble]}</strong> What is shown is of before.
        </div>
      )}
      {empty?.(state.data!) ?? children(state.data!)}
    </>
  );
}

export function Field({
  label,
  hint,
  error,
  children,
}: {
  label: string;
  hint?: ComponentChildren;
  error?: string | null;
  children: (id: string, describedBy: string | undefined) => ComponentChildren;
}) {
  const id = useId();
  const note = error || hint ? `${id}-note` : undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, note)}
      {error ? (
        <p id={note} class="field-error">
          {error}
        </p>
      ) : (
        hint && (
          <p id={note} class="hint">
            {hint}
          </p>
        )
      )}
    </div>
  );
}

/** Text of anybody: kept in one line, in its own direction, whole on hover. */
export function Text({ children, class: name = '' }: { children: string; class?: string }) {
  return (
    <bdi class={`text ${name}`} title={children.length > 24 ? children : undefined}>
      {children}
    </bdi>
  );
}

/** What a form is doing: busy while it sends, and what was wrong. */
export function useForm(): {
  busy: boolean;
  error: ApiError | null;
  run: (work: () => Promise<void>) => Promise<void>;
  problemOf: (field: string) => string | null;
} {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (caught) {
      setError(caught as ApiError);
    } finally {
      setBusy(false);
    }
  };
  const problemOf = (field: string) =>
    error?.details
      .filter(detail => detail.path[0] === field)
      .map(detail => detail.message)
      .join('; ') || null;
  return { busy, error, run, problemOf };
}

/** A confirmation, for what cannot be taken back: of these, the thing's name is asked for. */
export function Confirm({
  title,
  children,
  action,
  name,
  onConfirm,
  onClose,
}: {
  title: string;
  children: ComponentChildren;
  action: string;
  name?: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}) {
  const form = useForm();
  const [typed, setTyped] = useState('');
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault();
          void form.run(async () => {
            await onConfirm();
            onClose();
          });
        }}
      >
        {children}
        {name !== undefined && (
          <Field label={`Type “${name}” to confirm`}>
            {id => <input id={id} value={typed} autoComplete="off" onInput={event => setTyped(event.currentTarget.value)} />}
          </Field>
        )}
        {form.error && <Problem error={form.error} />}
        <div class="form-actions">
          <button type="submit" class="button danger" disabled={form.busy || (name !== undefined && typed !== name)}>
            {action}
          </button>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
