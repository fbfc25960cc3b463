import { provide } from '@lit/context'
import { LitElement, css, html, type TemplateResult } from 'lit'
import { property } from 'lit/decorators.js'
import type { Run } from '../../src/run/run.ts'
import { runContext, selectionContext } from '../run-context.ts'
import type { Selection } from '../selection.ts'
import { scaleContext, type TimeScale } from '../time-scale.ts'

/** Gives the elements inside it a run of their own: one of two that are shown both at once. */
export class RunScope extends LitElement {
  static override styles = css`
    :host {
      display: contents;
    }
  `

  @provide({ context: runContext })
  @property({ attribute: false })
  run: Run | undefined

  @provide({ context: selectionContext })
  @property({ attribute: false })
  selection: Selection | undefined

  /** Of timelines inside it and inside its twin. */
  @provide({ context: scaleContext })
  @property({ attribute: false })
  scale: TimeScale | undefined

  protected override render(): TemplateResult {
    return html`<slot></slot>`
  }
}
