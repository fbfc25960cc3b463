/** Curves over time as an SVG whose bytes depend on nothing but the curves. */

export interface Curve {
  readonly label: string
  readonly colour: string
  /** Time in seconds and value; drawn as steps. */
  readonly points: readonly (readonly [time: number, value: number])[]
}

export interface Panel {
  readonly title: string
  /** In seconds. */
  readonly until: number
  readonly most: number
  /** What the values are, in words. */
  readonly unit: string
  readonly curves: readonly Curve[]
}

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT] = [860, 260, 56, 36, 34, 28]

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')

/** About so many round steps over a range. */
function ticks(most: number, count: number): number[] {
  const wish = most / count
  const power = 10 ** Math.floor(Math.log10(wish))
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((candidate) => candidate >= wish) ?? wish
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, index) => index * step)
}

function drawPanel({ title, until, most, unit, curves }: Panel, offset: number): string[] {
  const x = (time: number): string => (LEFT + (time / until) * (WIDTH - LEFT - RIGHT)).toFixed(1)
  const y = (value: number): string => (offset + HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM)).toFixed(1)
  const lines = [`<text x="${String(LEFT)}" y="${String(offset + 20)}" font-weight="bold">${escaped(title)}</text>`]
  for (const value of ticks(most, 5)) {
    lines.push(`<path d="M${String(LEFT)} ${y(value)}H${String(WIDTH - RIGHT)}" stroke="#ddd"/>`)
    lines.push(`<text x="${String(LEFT - 6)}" y="${y(value)}" dy="4" text-anchor="end">${String(value)}</text>`)
  }
  for (const time of ticks(until, 8)) {
    const label = String(Number(time.toFixed(6)))
    lines.push(`<text x="${x(time)}" y="${String(offset + HEIGHT - BOTTOM + 16)}" text-anchor="middle">${label} s</text>`)
  }
  curves.forEach(({ label, colour, points }, index) => {
    const path: string[] = []
    for (const [time, value] of points) {
      if (time > until) break
      path.push(path.length === 0 ? `M${x(time)} ${y(value)}` : `H${x(time)}V${y(value)}`)
    }
    const dashes = index === 0 ? '' : ' stroke-dasharray="5 3"'
    path.push(`H${x(Math.min(until, points[points.length - 1][0]))}`)
    lines.push(`<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="1.5"${dashes}/>`)
    const at = WIDTH - RIGHT - 190 * (curves.length - index)
    lines.push(`<path d="M${String(at)} ${String(offset + 16)}h24" stroke="${colour}" stroke-width="2"${dashes}/>`)
    lines.push(`<text x="${String(at + 30)}" y="${String(offset + 20)}">${escaped(label)}</text>`)
  })
  lines.push(
    `<text transform="translate(14 ${String(offset + HEIGHT / 2)}) rotate(-90)" text-anchor="middle">${escaped(unit)}</text>`,
  )
  return lines
}

/** Panels one below the other. */
export function drawCurves(panels: readonly Panel[]): string {
  const height = panels.length * HEIGHT
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(WIDTH)} ${String(height)}" font-family="sans-serif" font-size="12">`,
    `<rect width="${String(WIDTH)}" height="${String(height)}" fill="#fff"/>`,
    ...panels.flatMap((panel, index) => drawPanel(panel, index * HEIGHT)),
    '</svg>',
    '',
  ].join('\n')
}
