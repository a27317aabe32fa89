export interface FlowNode {
  id: string;
  label: string;
  value: number;
  step: number;
}
export interface FlowLink {
  source: string;
  target: string;
  value: number;
}
export interface PlacedNode extends FlowNode {
  x: number;
  y: number;
  height: number;
}
export interface PlacedLink {
  key: string;
  width: number;
  /** The middle of the band where it leaves and where it arrives. */
  from: [number, number];
  to: [number, number];
}

const GAP = 26;
const LEAST = 3;

/** Places nodes in columns by step, the greatest above, and bands between them, whose widths are their values. */
export function placeFlow(
  nodes: FlowNode[],
  links: FlowLink[],
  size: { column: number; node: number; height: number },
): { nodes: PlacedNode[]; links: PlacedLink[]; width: number; height: number } {
  const steps = [...new Set(nodes.map(node => node.step))].sort((a, b) => a - b);
  const columns = steps.map(step =>
    nodes.filter(node => node.step === step).sort((a, b) => b.value - a.value || a.label.localeCompare(b.label)),
  );
  const greatest = Math.max(1, ...columns.map(column => column.reduce((sum, node) => sum + node.value, 0)));
  const scale = size.height / greatest;
  const placed = new Map<string, PlacedNode>();
  let height = 0;
  columns.forEach((column, i) => {
    let y = GAP;
    for (const node of column) {
      const tall = Math.max(node.value * scale, LEAST);
      placed.set(node.id, { ...node, x: i * size.column, y, height: tall });
      y += tall + GAP;
    }
    height = Math.max(height, y);
  });
  const left = new Map<string, number>();
  const arrived = new Map<string, number>();
  const order = (id: string) => placed.get(id)?.y ?? 0;
  const sorted = links
    .filter(link => placed.has(link.source) && placed.has(link.target))
    .sort((a, b) => order(a.source) - order(b.source) || order(a.target) - order(b.target));
  const bands = sorted.map(link => {
    const source = placed.get(link.source)!;
    const target = placed.get(link.target)!;
    const width = Math.max(link.value * scale, 1);
    const out = left.get(source.id) ?? 0;
    const into = arrived.get(target.id) ?? 0;
    left.set(source.id, out + width);
    arrived.set(target.id, into + width);
    return {
      key: `${link.source} ${link.target}`,
      width,
      from: [source.x + size.node, source.y + out + width / 2] as [number, number],
      to: [target.x, target.y + into + width / 2] as [number, number],
    };
  });
  return { nodes: [...placed.values()], links: bands, width: (columns.length - 1) * size.column + size.node, height };
}
