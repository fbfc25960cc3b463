import { css, html, nothing, type TemplateResult } from 'lit'
import { query, state } from 'lit/decorators.js'
import { controls } from '../controls.styles.ts'
import { icon } from '../icons.ts'
import { RunElement } from '../run-element.ts'
import type { Target } from '../selection.ts'
import { tokens } from '../theme.ts'
import { linkWords } from '../wording.ts'

/** Room between the popover and the edges of the window, in px. */
const MARGIN = 8

/** A popover with the controls of a link or a host, next to where it was activated. */
export class TargetMenu extends RunElement {
  static override styles = [
    tokens,
    controls,
    css`
      .menu {
        position: fixed;
        inset: auto;
        width: min(290px, calc(100vw - 16px));
        max-height: min(480px, calc(100vh - 16px));
        margin: 0;
        padding: calc(var(--pk-space) * 4);
        overflow: auto;
        border: 1px solid var(--pk-line);
        border-radius: var(--pk-radius-large);
        background: var(--pk-surface);
        color: var(--pk-text);
        box-shadow: var(--pk-shadow);
      }
      .header {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: calc(var(--pk-space) * 2);
        margin: calc(var(--pk-space) * -1) 0 calc(var(--pk-space) * 2);
      }
      h2 {
        font-size: var(--pk-size);
      }
    `,
  ]

  @state() private target: Target | undefined
  @query('.menu') private menu!: HTMLElement | null

  /**
   * Opens for a link or a host.
   * @param x client px of where it was activated
   * @param y client px
   */
  async open(target: Target, x: number, y: number): Promise<void> {
    this.target = target
    await this.updateComplete
    const { menu } = this
    if (menu === null) return
    if (!menu.matches(':popover-open')) menu.showPopover()
    await Promise.all(
      [...menu.querySelectorAll<TargetMenu>('packet-link-controls, packet-host-controls')].map((each) => each.updateComplete),
    )
    const { width, height } = menu.getBoundingClientRect()
    const clamp = (value: number, size: number, room: number): number => Math.max(MARGIN, Math.min(value, room - size - MARGIN))
    menu.style.left = `${String(clamp(x - width / 2, width, innerWidth))}px`
    // Below the target, or above it where there is no room below.
    const below = y + 14
    menu.style.top = `${String(below + height + MARGIN <= innerHeight ? below : clamp(y - height - 14, height, innerHeight))}px`
    menu.focus()
  }

  close(): void {
    this.menu?.hidePopover()
  }

  protected override render(): TemplateResult {
    const { run, target } = this
    return html`<div class="menu" popover="auto" role="dialog" aria-labelledby="title" tabindex="-1">
      ${
        run === undefined || target === undefined || target.kind === 'frame'
          ? nothing
          : html`<div class="header">
                <h2 id="title">
                  ${target.kind === 'link' ? linkWords(run.scenario, run.scenario.links[target.index]) : run.scenario.hosts[target.index].label}
                </h2>
                <button
                  class="quiet only-icon"
                  aria-label="Close"
                  @click=${() => {
                    this.close()
                  }}
                >
                  ${icon('close')}
                </button>
              </div>
              ${
                target.kind === 'link'
                  ? html`<packet-link-controls .run=${run} .link=${target.index}></packet-link-controls>`
                  : html`<packet-host-controls .run=${run} .host=${target.index}></packet-host-controls>`
              }`
      }
    </div>`
  }
}
