import { html, nothing, type TemplateResult } from 'lit'
import { property } from 'lit/decorators.js'
import { live } from 'lit/directives/live.js'
import type { Run } from '../../src/run/run.ts'
import type { LessonStep } from '../../src/scenario/resolved.ts'
import { controls } from '../controls.styles.ts'
import { icon } from '../icons.ts'
import { inlineMarkdown } from '../inline-markdown.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { lessonStyles } from './packet-lesson.styles.ts'

/**
 * Whether what a step waits for has happened by the playhead.
 * @param knobs how they stood when the step was shown first, as `knobsOf`
 */
function isMet(run: Run, step: LessonStep, knobs: string): boolean {
  const { until } = step
  if (until === undefined) return true
  if ('time' in until) return run.playhead >= until.time
  // What happens at time 0 has happened once the reader lets time begin.
  if ('event' in until) return run.playhead > 0 && (run.trace.first(until.event)?.time ?? Infinity) <= run.playhead
  // A knob that starts the run anew leaves no entry: the new run begins with it.
  if (until.intervention === 'set' && knobsOf(run) !== knobs) return true
  return run.log.some((entry) => until.intervention in entry && entry.at <= run.playhead)
}

function knobsOf({ scenario }: Run): string {
  return JSON.stringify(scenario.knobs.map(({ value }) => value))
}

/**
 * The scenario's lesson: short steps, one at a time. A step that waits for something says when it has happened; the reader goes
 * on by hand, and may go on before. What he says that he expects is recalled from then on, and judged by nobody but him.
 */
export class PacketLesson extends RunElement {
  static override styles = [tokens, controls, lessonStyles]

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'restart']

  /** The step that is shown, from 0. */
  @property({ type: Number }) step = 0

  /** Steps that were met once: going back in time does not undo them. */
  readonly #met = new Set<number>()
  /** How knobs stood when a step was shown first. */
  readonly #knobs = new Map<number, string>()
  /** What the reader expects, by the step that asked him. */
  readonly #predictions = new Map<number, string>()

  protected override runReplaced(): void {
    this.#met.clear()
    this.#knobs.clear()
    this.#predictions.clear()
    this.step = 0
  }

  protected override runFired(event: RunEvent): void {
    if (this.#look() || event !== 'time') this.requestUpdate()
  }

  /** Looks whether the step is met now that was not before. */
  #look(): boolean {
    const { run } = this
    const step = run?.scenario.lesson.at(this.step)
    if (run === undefined || step === undefined || this.#met.has(this.step)) return false
    const knobs = this.#knobs.get(this.step) ?? knobsOf(run)
    this.#knobs.set(this.step, knobs)
    if (!isMet(run, step, knobs)) return false
    this.#met.add(this.step)
    return true
  }

  #ask(outcomes: readonly string[], index: number): TemplateResult {
    return html`<fieldset class="predict">
      <legend class="visually-hidden">What do you expect?</legend>
      ${outcomes.map(
        (outcome) =>
          html`<label>
            <input
              type="radio"
              name=${`step-${String(index)}`}
              .checked=${live(this.#predictions.get(index) === outcome)}
              @change=${() => {
                this.#predictions.set(index, outcome)
                this.requestUpdate()
              }}
            />
            ${outcome}
          </label>`,
      )}
    </fieldset>`
  }

  /** What the reader said at the last step before this one that asked him. */
  #recall(steps: readonly LessonStep[], index: number): TemplateResult | typeof nothing {
    const asked = steps.slice(0, index).findLastIndex(({ predict }) => predict !== undefined)
    if (asked < 0) return nothing
    const said = this.#predictions.get(asked)
    return html`<p class="recall">
      ${said === undefined ? 'You have not said what you expect.' : html`You expected: <b>${said}</b>`}
    </p>`
  }

  protected override render(): TemplateResult | typeof nothing {
    const steps = this.run?.scenario.lesson ?? []
    if (steps.length === 0) return nothing
    this.#look()
    const waits = steps[this.step]?.until !== undefined
    const met = this.#met.has(this.step)
    const last = this.step === steps.length - 1
    return html`<section class="lesson" aria-label="Lesson">
      <div class="head">
        <h3>Step ${this.step + 1} of ${steps.length}</h3>
        <span role="status">${waits ? (met ? html`<span class="met">${icon('check')} Done</span>` : 'Try it') : nothing}</span>
      </div>
      <div class="steps">
        ${steps.map(
          ({ text, predict }, index) =>
            html`<div class="step ${index === this.step ? 'current' : ''}" ?inert=${index !== this.step}>
              <p>${inlineMarkdown(text)}</p>
              ${predict === undefined ? this.#recall(steps, index) : this.#ask(predict, index)}
            </div>`,
        )}
      </div>
      ${
        steps.length === 1
          ? nothing
          : html`<div class="foot">
              <button class="quiet" ?disabled=${this.step === 0} @click=${() => this.step--}>${icon('left')} Back</button>
              <span class="dots" aria-hidden="true">
                ${steps.map(
                  (_, index) =>
                    html`<i class="${this.#met.has(index) ? 'done' : ''} ${index === this.step ? 'current' : ''}"></i>`,
                )}
              </span>
              <button class=${met && !last ? 'primary' : 'quiet'} ?disabled=${last} @click=${() => this.step++}>
                Next ${icon('right')}
              </button>
            </div>`
      }
    </section>`
  }
}
