import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, request, type Question } from './client';

interface Kept {
  at: number;
  data: unknown;
}

const FRESH_MS = 15_000;
const KEPT = 80;
/** Seconds between attempts, where the server names none: the first and the most. */
const PAUSE = { first: 3, most: 60 };
const kept = new Map<string, Kept>();

/** Forgets all answers: after a change, or when somebody else signs in. */
export function forgetAnswers(): void {
  kept.clear();
}

function keep(path: string, data: unknown): void {
  kept.delete(path);
  kept.set(path, { at: Date.now(), data });
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
}

export interface State<T> {
  data: T | undefined;
  error: ApiError | null;
  /** Nothing came for 200 ms. */
  slow: boolean;
  /** What is shown is the answer to the question before. */
  stale: boolean;
  refresh: () => void;
}

/**
 * The answer to a question, asked again when it changes.
 *
 * While a new answer is under way the one before stays, if it is of the same kind.
 * What is refused for now is asked again by itself after as long as the server says.
 *
 * Components inside ask before those around them, and the browser has six requests under way at
 * most. So what can wait for the rest of the screen asks `behind` it.
 */
export function useQuestion<T>(question: Question<T> | null, every = 0, rank: 'at once' | 'behind' = 'at once'): State<T> {
  const [turn, setTurn] = useState(0);
  const [, redraw] = useState(0);
  const shown = useRef<{ path: string; kind: string; data: unknown } | null>(null);
  const problem = useRef<{ path: string; error: ApiError } | null>(null);
  const asked = useRef(0);
  const [slow, setSlow] = useState(false);
  const path = question?.path ?? null;

  if (question) {
    const known = kept.get(question.path);
    if (known) shown.current = { path: question.path, kind: question.kind, data: known.data };
    else if (shown.current?.kind !== question.kind) shown.current = null;
  }

  useEffect(() => {
    if (!question) return;
    const known = kept.get(question.path);
    const forced = asked.current !== turn;
    asked.current = turn;
    if (known && !forced && Date.now() - known.at < FRESH_MS) return;
    const abort = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    let tries = 0;
    const waiting = setTimeout(() => setSlow(true), 200);
    const done = () => {
      clearTimeout(waiting);
      setSlow(false);
      redraw(n => n + 1);
    };
    const run = async () => {
      clearTimeout(again);
      // Behind all who ask in this task.
      if (rank === 'behind') await Promise.resolve();
      if (abort.signal.aborted) return;
      try {
        const data = await request<T>('GET', question.path, undefined, abort.signal);
        keep(question.path, data);
        shown.current = { path: question.path, kind: question.kind, data };
        problem.current = null;
      } catch (error) {
        if (abort.signal.aborted) return;
        const failure = error instanceof ApiError ? error : new ApiError('broken', String(error));
        problem.current = { path: question.path, error: failure };
        if (failure.passes) again = setTimeout(run, Math.min(failure.retryAfter ?? PAUSE.first * 2 ** tries++, PAUSE.most) * 1000);
      }
      done();
    };
    void run();
    const online = () => void run();
    addEventListener('online', online);
    return () => {
      abort.abort();
      clearTimeout(waiting);
      clearTimeout(again);
      removeEventListener('online', online);
    };
    // The path says all of the question.
  }, [path, turn]);

  const refresh = useCallback(() => setTurn(n => n + 1), []);

  useEffect(() => {
    if (!every || !path) return;
    // What was refused is asked again when the server says, and not before.
    const timer = setInterval(() => document.visibilityState === 'visible' && !problem.current && refresh(), every);
    return () => clearInterval(timer);
  }, [every, path]);

  const current = path ? shown.current : null;
  return {
    data: current?.data as T | undefined,
    error: problem.current && problem.current.path === path ? problem.current.error : null,
    slow,
    stale: current !== null && current.path !== path,
    refresh,
  };
}
