export type Cell = string | number | boolean | null | undefined;

/** A character that makes a spreadsheet take a text for a formula. */
const FORMULA = /^[=+\-@＝＋－＠\t\r\n']/;

function cell(value: Cell): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' && FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RFC 4180, with texts that look like formulas defused as the server does it. */
export function toCsv(head: string[], rows: Cell[][]): string {
  return [head, ...rows].map(row => `${row.map(cell).join(',')}\r\n`).join('');
}

export function download(name: string, text: string, type = 'text/csv;charset=utf-8'): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
