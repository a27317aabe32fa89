import { useEffect, useRef, useState } from 'preact/hooks';
import { currentRoute, here, navigate } from '../lib/route';

const PAUSE_MS = 250;

/** A search whose text is in the address, as soon as typing pauses. */
export function Search({ label, name = 'q' }: { label: string; name?: string }) {
  const inAddress = currentRoute().query.get(name) ?? '';
  const [text, setText] = useState(inAddress);
  const written = useRef(inAddress);
  // Going back changes the address, and with it the field.
  useEffect(() => {
    if (inAddress !== written.current) {
      written.current = inAddress;
      setText(inAddress);
    }
  }, [inAddress]);
  useEffect(() => {
    if (text.trim() === written.current) return;
    const timer = setTimeout(() => {
      written.current = text.trim();
      navigate(here({ [name]: text.trim() || null, page: null }), 'replace');
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input
      type="search"
      class="search"
      aria-label={label}
      placeholder={label}
      dir="auto"
      value={text}
      onInput={event => setText(event.currentTarget.value)}
    />
  );
}

/** The number of the page in the address; the first is 1. */
export function currentPage(): number {
  const page = Number(currentRoute().query.get('page'));
  return Number.isInteger(page) && page > 0 ? page : 1;
}

export function Pager({ full }: { full: boolean }) {
  const page = currentPage();
  if (page === 1 && !full) return null;
  return (
    <nav class="pager" aria-label="Pages">
      <span class="muted">Page {page}</span>
      {page > 1 && (
        <a class="button" href={here({ page: page === 2 ? null : String(page - 1) })}>
          Previous
        </a>
      )}
      {full && (
        <a class="button" href={here({ page: String(page + 1) })}>
          Next
        </a>
      )}
    </nav>
  );
}
