const SHARE = 'paneld.share';
/** Where the browser keeps nothing, the page itself remembers it until it is left. */
let remembered = false;

/**
 * Whether this tab was opened with a share link.
 *
 * Such a visit has a cookie of its own beside that of whoever signed in, and a header of every request says which of them is meant.
 */
export function isShareTab(): boolean {
  try {
    return remembered || sessionStorage.getItem(SHARE) !== null;
  } catch {
    return remembered;
  }
}

export function setShareTab(is: boolean): void {
  remembered = is;
  try {
    if (is) sessionStorage.setItem(SHARE, '1');
    else sessionStorage.removeItem(SHARE);
  } catch {
    // As above.
  }
}
