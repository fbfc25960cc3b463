import uPlot from 'uplot'
import type { SeriesUnit } from '../../src/trace/measures/measure-spec.ts'
import type { Series } from '../../src/trace/measures/series.ts'
import type { Nanos } from '../../src/trace/record.ts'
import { formatDuration } from '../format.ts'
import { tickWords } from './chart-words.ts'

/*
 * The one place that knows uPlot: loaded when a chart comes into view. It draws on a canvas; cursor, legend and keyboard are the element's own.
 */

export interface PlotSeries {
  /** As CSS has it. */
  readonly colour: string
  readonly dash: readonly number[]
  /** 0: measured on the left axis; 1: on the right one. */
  readonly axis: 0 | 1
}

export interface PlotAxis {
  readonly unit: SeriesUnit
  readonly perSecond: boolean
}

export interface PlotLook {
  readonly series: readonly PlotSeries[]
  readonly axes: readonly PlotAxis[]
  readonly stacked: boolean
  /** Whether there is room for an axis on the right, be there one or not: so that charts below each other have the same times below each other. */
  readonly hasRightMargin: boolean
  readonly text: string
  readonly line: string
  readonly mark: string
  readonly font: string
  /** Size of text in px. */
  readonly fontSize: number
}

export interface PlotData {
  readonly series: readonly Series[]
  /** Up to where the run is known: there the last values end. */
  readonly horizon: Nanos
  /** Right end of the axis of time. */
  readonly to: Nanos
  /** Upper ends of the axes. */
  readonly tops: readonly number[]
  readonly marks: readonly { readonly time: Nanos; readonly words: string }[]
}

export interface PlotSize {
  readonly width: number
  readonly height: number
}

const SECOND = 1e9

/** `uPlot.Axis.side` for the right edge: an enum that there is in types alone. */
const RIGHT = { side: 1 }

type Column = (number | null)[]

/** One drawn chart. */
export class Plot {
  readonly #plot: uPlot
  readonly #look: PlotLook
  #data: PlotData | undefined
  readonly #xs: Column = []
  readonly #columns: Column[]

  constructor(parent: HTMLElement, look: PlotLook, size: PlotSize) {
    this.#look = look
    this.#columns = look.series.map(() => [])
    this.#plot = new uPlot(this.#options(look, size), [[], ...look.series.map(() => [])], parent)
  }

  destroy(): void {
    this.#plot.destroy()
  }

  resize(size: PlotSize): void {
    this.#plot.setSize(size)
  }

  draw(data: PlotData): void {
    this.#data = data
    this.#fill(data)
    this.#plot.setData([this.#xs as number[], ...this.#columns], true)
  }

  /** Where the drawing is within its parent, in px. */
  get area(): { readonly left: number; readonly width: number; readonly top: number; readonly height: number } {
    const { left, width, top, height } = this.#plot.bbox
    const ratio = uPlot.pxRatio
    return { left: left / ratio, width: width / ratio, top: top / ratio, height: height / ratio }
  }

  /** Each value is a line from the beginning of its bucket to the end, be there neighbours or not. */
  #fill({ series, horizon }: PlotData): void {
    const xs = this.#xs
    const [{ values, bucket }] = series
    const count = values.length
    xs.length = 0
    for (let index = 0; index < count; index++) {
      xs.push((index * bucket) / SECOND, Math.min(Math.max(horizon, index * bucket), (index + 1) * bucket) / SECOND)
    }
    series.forEach((each, at) => {
      const column = this.#columns[at]
      const below = this.#look.stacked && at > 0 ? this.#columns[at - 1] : undefined
      column.length = 0
      for (let index = 0; index < count; index++) {
        const value = each.values[index]
        const under = below === undefined ? 0 : below[index * 2]
        const shown = Number.isNaN(value) || under === null ? null : under + value
        column.push(shown, shown)
      }
    })
  }

  #options(look: PlotLook, size: PlotSize): uPlot.Options {
    const { series, axes, stacked, fontSize, hasRightMargin } = look
    const font = `${String(fontSize)}px ${look.font}`
    const gutter = Math.round(fontSize * 4.6)
    const grid = { stroke: look.line, width: 1 }
    const scale = (axis: number): string => (axis === 0 ? 'left' : 'right')
    return {
      ...size,
      padding: [Math.round(fontSize * 1.2), hasRightMargin && axes.length < 2 ? gutter : null, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => [0, (this.#data?.to ?? SECOND) / SECOND] },
        ...Object.fromEntries(
          axes.map((_, axis) => [scale(axis), { range: (): uPlot.Range.MinMax => [0, this.#data?.tops[axis] ?? 1] }]),
        ),
      },
      axes: [
        {
          stroke: look.text,
          font,
          grid: { show: false },
          ticks: grid,
          size: Math.round(fontSize * 2.1),
          gap: 3,
          space: fontSize * 6,
          values: (_, splits) => splits.map((split) => (split === 0 ? '0' : formatDuration(Math.round(split * SECOND)))),
        },
        ...axes.map(({ unit, perSecond }, axis): uPlot.Axis => {
          const drawn: uPlot.Axis = {
            scale: scale(axis),
            stroke: look.text,
            font,
            grid: { ...grid, show: axis === 0 },
            ticks: { show: false },
            size: gutter,
            gap: 4,
            space: fontSize * 2.6,
            values: (_, splits) => splits.map((split) => tickWords(unit, perSecond, split)),
          }
          return axis === 1 ? Object.assign(drawn, RIGHT) : drawn
        }),
      ],
      series: [
        {},
        ...series.map(({ colour, dash, axis }, index): uPlot.Series => ({
          scale: scale(axis),
          stroke: colour,
          width: stacked ? 1 : 2,
          dash: [...dash],
          points: { show: false },
          ...(stacked && index === 0 && { fill: faint(colour) }),
        })),
      ],
      bands: stacked
        ? series.slice(1).map(({ colour }, index): uPlot.Band => ({ series: [index + 2, index + 1], fill: faint(colour) }))
        : [],
      hooks: { draw: [this.#drawMarks] },
    }
  }

  /** What people did: dashed lines, named at their top where there is room. */
  readonly #drawMarks = (plot: uPlot): void => {
    const { ctx, bbox } = plot
    const look = this.#look
    ctx.save()
    ctx.strokeStyle = look.mark
    ctx.fillStyle = look.mark
    ctx.lineWidth = uPlot.pxRatio
    ctx.setLineDash([3 * uPlot.pxRatio, 3 * uPlot.pxRatio])
    ctx.font = `${String(look.fontSize * uPlot.pxRatio)}px ${look.font}`
    ctx.textBaseline = 'bottom'
    // Axes leave theirs behind.
    ctx.textAlign = 'left'
    let free = -Infinity
    for (const { time, words } of this.#data?.marks ?? []) {
      const x = Math.round(plot.valToPos(time / SECOND, 'x', true)) + 0.5
      if (x < bbox.left || x > bbox.left + bbox.width) continue
      ctx.beginPath()
      ctx.moveTo(x, bbox.top)
      ctx.lineTo(x, bbox.top + bbox.height)
      ctx.stroke()
      const { width } = ctx.measureText(words)
      const left = Math.min(x - 2, bbox.left + bbox.width - width)
      if (left < free) continue
      ctx.fillText(words, left, bbox.top - uPlot.pxRatio)
      free = left + width + look.fontSize * uPlot.pxRatio
    }
    ctx.restore()
  }
}

function faint(colour: string): string {
  return colour.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.45)')
}
