/** Indices of those units, which are in order and do not overlap, that have a byte in [start, end). */
export function unitsIn(
  units: readonly { readonly start: number; readonly end: number }[],
  start: number,
  end: number,
): number[] {
  let low = 0
  let high = units.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (units[middle].end <= start) low = middle + 1
    else high = middle
  }
  const found: number[] = []
  for (let index = low; index < units.length && units[index].start < end; index++) found.push(index)
  return found
}
