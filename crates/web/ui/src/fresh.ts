/** Credentials that were just made, by project: they are shown in snippets until the page is closed, and kept nowhere. */
const made = new Map<string, { id: string; secret: string }>();

export const rememberFresh = (project: string, client: { id: string; secret: string }): void => void made.set(project, client);
export const freshClient = (project: string): { id: string; secret: string } | undefined => made.get(project);
