import { css, html, nothing, type TemplateResult } from 'lit'
import { property } from 'lit/decorators.js'
import type { Run } from '../../src/run/run.ts'
import type { TraceView } from '../../src/trace/record.ts'
import { controls } from '../controls.styles.ts'
import { icon } from '../icons.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'

/** What a claim found on a run. */
export interface ShownVerdict {
  readonly says: string
  /** RFC and section, or ''. */
  readonly cites: string
  readonly holds: boolean
  /** One line with the numbers that it rests on. */
  readonly evidence: string
}

/** What the lesson claims, and whether it holds in this very run: measured when the run has ended. */
export class PacketClaims extends RunElement {
  static override styles = [
    tokens,
    controls,
    css`
      :host {
        display: block;
      }
      ul {
        display: grid;
        gap: calc(var(--pk-space) * 3);
        margin: calc(var(--pk-space) * 2) 0 0;
        padding: 0;
        list-style: none;
        font-size: var(--pk-size-small);
      }
      li {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0 calc(var(--pk-space) * 2);
      }
      .icon {
        margin-top: 0.15em;
      }
      .yes .icon {
        color: var(--pk-good);
      }
      .no .icon {
        color: var(--pk-lost);
      }
      small {
        grid-column: 2;
        color: var(--pk-muted);
        font-size: var(--pk-size-tiny);
      }
    `,
  ]

  protected override readonly follows: readonly RunEvent[] = ['change', 'restart']

  /** Measures the claims on a trace. */
  @property({ attribute: false }) judge: ((trace: TraceView) => readonly ShownVerdict[]) | undefined

  #verdicts: readonly ShownVerdict[] = []
  #measured = ''

  /** Measured anew only when the trace has changed: a claim may look at every frame. */
  #measure(run: Run, judge: (trace: TraceView) => readonly ShownVerdict[]): readonly ShownVerdict[] {
    const mark = `${String(run.trace.frameCount)} ${String(run.trace.events.length)} ${JSON.stringify(run.log)}`
    if (mark !== this.#measured) this.#verdicts = judge(run.trace)
    this.#measured = mark
    return this.#verdicts
  }

  protected override runFired(event: RunEvent): void {
    if (event === 'restart') this.#measured = ''
    this.requestUpdate()
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    if (run?.state !== 'ended' || this.judge === undefined) return nothing
    const verdicts = this.#measure(run, this.judge)
    if (verdicts.length === 0) return nothing
    return html`<section aria-label="Claims">
      <h3>Measured in this run</h3>
      <ul>
        ${verdicts.map(
          ({ says, cites, holds, evidence }) =>
            html`<li class=${holds ? 'yes' : 'no'}>
              ${icon(holds ? 'check' : 'close')}
              <span>${says} <b>${holds ? 'Holds here.' : 'Does not hold here.'}</b></span>
              <small>${evidence}</small>
              ${cites === '' ? nothing : html`<small>${cites}</small>`}
            </li>`,
        )}
      </ul>
    </section>`
  }
}
