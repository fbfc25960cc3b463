import { css, html, nothing, type TemplateResult } from 'lit'
import { query, state } from 'lit/decorators.js'
import type { Run } from '../../src/run/run.ts'
import { controls } from '../controls.styles.ts'
import { icon } from '../icons.ts'
import { RunElement } from '../run-element.ts'
import type { Target } from '../selection.ts'
import { tokens } from '../theme.ts'
import { directionWords, linkWords } from '../wording.ts'
import { frameGroupControls } from './frame-group-controls.ts'

/** Room between the popover and the edges of the window, in px. */
const MARGIN = 8

function titleOf({ scenario }: Run, target: Exclude<Target, { kind: 'frame' }>): string {
  if (target.kind === 'host') return scenario.hosts[target.index].label
  const link = scenario.links[target.kind === 'link' ? target.index : target.lane >> 1]
  return target.kind === 'link' ? linkWords(scenario, link) : directionWords(scenario, link, (target.lane & 1) as 0 | 1)
}

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
  @state() private frames: readonly number[] = []
  @query('.menu') private menu!: HTMLElement | null

  /**
   * Opens for a link or a host, or for frames that are drawn as one.
   * @param x client px of where it was activated
   * @param y client px
   * @param frames numbers of the frames
   */
  async open(target: Target, x: number, y: number, frames: readonly number[] = []): Promise<void> {
    this.target = target
    this.frames = frames
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
                <h2 id="title">${titleOf(run, target)}</h2>
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
                target.kind === 'group'
                  ? frameGroupControls(this, run, this.frames, () => {
                      this.close()
                    })
                  : target.kind === 'link'
                    ? html`<packet-link-controls .run=${run} .link=${target.index}></packet-link-controls>`
                    : html`<packet-host-controls .run=${run} .host=${target.index}></packet-host-controls>`
              }`
      }
    </div>`
  }
}
