import { useEffect, useRef, useState } from 'preact/hooks';
import { API } from '../lib/place';
import { ask, fill, request } from './client';

/** An event that has just been stored. */
export interface LiveEvent {
  id: string;
  name: string;
  path: string;
  createdAt: string;
  country: string;
}

const SILENCE_MS = 10_000;
const POLL_MS = 10_000;

/**
 * How many visitors are there now, and each event as it comes. `onOpen` is told when events begin to come, and again after a break:
 * what was stored before has to be asked for.
 *
 * A proxy may hold server-sent events back: where nothing comes for ten seconds, the count is asked for instead.
 */
export function useLive(project: string, stream: boolean, onEvent?: (event: LiveEvent) => void, onOpen?: () => void): number | null {
  const [visitors, setVisitors] = useState<number | null>(null);
  const isSeen = useSeen();
  const handlers = useRef({ onEvent, onOpen });
  handlers.current = { onEvent, onOpen };

  useEffect(() => setVisitors(null), [project]);
  useEffect(() => {
    // A browser has few connections to a server: tabs that nobody sees hold none.
    if (!isSeen) return;
    let closed = false;
    let poll: ReturnType<typeof setInterval> | undefined;
    let silence: ReturnType<typeof setTimeout> | undefined;
    let source: EventSource | undefined;

    const count = async () => {
      const live = await request<{ visitors: number }>('GET', ask('/insights/{projectId}/live', { projectId: project }).path).catch(
        () => null,
      );
      if (live && !closed) setVisitors(live.visitors);
    };
    const startPolling = () => {
      clearTimeout(silence);
      source?.close();
      source = undefined;
      if (poll || closed) return;
      void count();
      poll = setInterval(count, POLL_MS);
    };

    if (stream) {
      source = new EventSource(API + fill('/insights/{projectId}/stream', { projectId: project }));
      silence = setTimeout(startPolling, SILENCE_MS);
      source.onopen = () => handlers.current.onOpen?.();
      source.addEventListener('live', event => {
        clearTimeout(silence);
        setVisitors((JSON.parse(event.data) as { visitors: number }).visitors);
      });
      source.addEventListener('event', event => {
        clearTimeout(silence);
        handlers.current.onEvent?.(JSON.parse(event.data) as LiveEvent);
      });
      // The browser opens an ended stream again by itself; one that was refused stays closed.
      source.onerror = () => source?.readyState === EventSource.CLOSED && startPolling();
    } else startPolling();

    return () => {
      closed = true;
      source?.close();
      clearTimeout(silence);
      clearInterval(poll);
    };
  }, [project, stream, isSeen]);

  return visitors;
}

/** Whether somebody may see the page. */
function useSeen(): boolean {
  const [isSeen, setSeen] = useState(document.visibilityState === 'visible');
  useEffect(() => {
    const update = () => setSeen(document.visibilityState === 'visible');
    document.addEventListener('visibilitychange', update);
    return () => document.removeEventListener('visibilitychange', update);
  }, []);
  return isSeen;
}
