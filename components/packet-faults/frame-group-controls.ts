import { html, type TemplateResult } from 'lit'
import type { Run } from '../../src/run/run.ts'
import { formatQuantity } from '../format.ts'
import { icon } from '../icons.ts'
import { errorWords, notify } from '../intervene.ts'
import { withinReach } from '../frame-actions.ts'
import { kindWords } from '../wording.ts'

/** What can be done to frames that are drawn as one: to one of them, or to each by itself. */
export function frameGroupControls(element: Element, run: Run, frames: readonly number[], close: () => void): TemplateResult {
  const first = frames.length === 0 ? undefined : run.trace.frame(frames[0])
  if (first === undefined) return html`<p>They are gone.</p>`
  const count = formatQuantity('count', frames.length)
  const button = (label: string, act: () => void): TemplateResult =>
    html`<button
      @click=${() => {
        close()
        act()
      }}
    >
      ${label}
    </button>`
  return html`<p>${count} × ${kindWords(first)}, close to each other on the line.</p>
    <div class="choices" role="group" aria-label="These packets">
      ${button('Look into one', () => {
        run.pause()
        element.dispatchEvent(
          new CustomEvent<number>('packet-target-inspect', { detail: first.number, bubbles: true, composed: true }),
        )
      })}
      ${button('Drop one', () => void strikeAll(element, run, frames.slice(0, 1), 'drop'))}
      ${button('Corrupt one', () => void strikeAll(element, run, frames.slice(0, 1), 'corrupt'))}
      ${frames.length > 1 ? button(`Drop all ${count}`, () => void strikeAll(element, run, frames, 'drop')) : ''}
    </div>
    <p><small>${icon('warning')} Each packet that is dropped is an entry of its own in what you did.</small></p>`
}

/** Strikes frames one after the other, each by an intervention of its own. Those that have gone meanwhile are left alone. */
async function strikeAll(element: Element, run: Run, frames: readonly number[], how: 'drop' | 'corrupt'): Promise<void> {
  const playing = run.state === 'playing'
  run.pause()
  try {
    for (const number of frames) {
      const frame = run.trace.frame(number)
      if (frame === undefined || !withinReach(frame, run.playhead)) continue
      await run.intervene(how === 'drop' ? { drop: { frame: number } } : { corrupt: { frame: number } })
    }
    if (playing) run.play()
  } catch (error) {
    notify(element, { kind: 'error', text: errorWords(error) })
  }
}
