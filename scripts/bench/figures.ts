/** Median, least and most of some runs. */
export interface Figures {
  readonly median: number
  readonly least: number
  readonly most: number
}

export function figuresOf(values: readonly number[]): Figures {
  const sorted = [...values].sort((a, b) => a - b)
  return {
    median: sorted[sorted.length >> 1] ?? NaN,
    least: sorted[0] ?? NaN,
    most: sorted[sorted.length - 1] ?? NaN,
  }
}

/** `'1.23 M'`, `'456 k'`. */
export function big(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  return value >= 1e3 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(1)
}

export function row(name: string, { median, least, most }: Figures, unit: string): string {
  return `${name.padEnd(44)} ${big(median).padStart(8)} ${unit.padEnd(16)} (${big(least)} to ${big(most)})`
}
