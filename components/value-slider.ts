import { html, type TemplateResult } from 'lit'
import { ifDefined } from 'lit/directives/if-defined.js'
import { live } from 'lit/directives/live.js'
import type { Unit } from '../src/scenario/units.ts'
import { formatQuantity } from './format.ts'
import { logStops, nearestStop } from './link-settings.ts'

/** What a slider for a quantity needs to know. Values are in base units. */
export interface ValueSlider {
  readonly id: string
  readonly unit: Unit
  readonly min: number
  readonly max: number
  /** Of a linear scale; 0: any. */
  readonly step: number
  readonly scale: 'linear' | 'log'
  readonly value: number
  /** What 0 is called. On a logarithmic scale, its presence gives 0 a place at the low end. */
  readonly zero?: string | undefined
  /** A value in other words than those of its unit. */
  readonly words?: (value: number) => string
  /** Id of an element with more words. */
  readonly describedBy?: string | undefined
  readonly disabled?: boolean
  /** The thumb moved, and has not been let go yet. */
  readonly preview: (value: number) => void
  /** A value was chosen. */
  readonly commit: (value: number) => void
}

/** A value for people, with the name of 0. */
export function sliderWords(slider: Pick<ValueSlider, 'unit' | 'zero' | 'words'>, value: number): string {
  if (slider.words !== undefined) return slider.words(value)
  return value === 0 && slider.zero !== undefined ? slider.zero : formatQuantity(slider.unit, value)
}

// `.style`, here and elsewhere: a page's policy may refuse style attributes, but not what a script sets.

/** A range input over a linear or a logarithmic scale; give it a label by its id. */
export function valueSlider(slider: ValueSlider): TemplateResult {
  const stops = slider.scale === 'log' ? logStops(slider.min, slider.max, slider.zero !== undefined) : undefined
  const [min, max] = stops === undefined ? [slider.min, slider.max] : [0, stops.length - 1]
  const at = stops === undefined ? slider.value : nearestStop(stops, slider.value)
  const read = (event: Event): number => {
    const position = Number((event.target as HTMLInputElement).value)
    return stops === undefined ? position : stops[position]
  }
  return html`<input
    id=${slider.id}
    type="range"
    min=${min}
    max=${max}
    step=${stops !== undefined ? 1 : slider.step === 0 ? 'any' : slider.step}
    .value=${live(String(at))}
    .style=${`--fill:${String(((at - min) / Math.max(max - min, 1e-9)) * 100)}%`}
    aria-valuetext=${sliderWords(slider, slider.value)}
    aria-describedby=${ifDefined(slider.describedBy)}
    ?disabled=${slider.disabled ?? false}
    @input=${(event: Event) => {
      slider.preview(read(event))
    }}
    @change=${(event: Event) => {
      slider.commit(read(event))
    }}
  />`
}
