import { css, html, nothing, type TemplateResult } from 'lit'
import { query } from 'lit/decorators.js'
import type { CaptureChoice, Run } from '../../src/run/run.ts'
import { controls } from '../controls.styles.ts'
import { download } from '../download.ts'
import { icon } from '../icons.ts'
import { errorWords, notify } from '../intervene.ts'
import { RunElement } from '../run-element.ts'
import { tokens } from '../theme.ts'

/** A button that opens a list of captures to download: every link, or what one host saw. */
export class CaptureMenu extends RunElement {
  static override styles = [
    tokens,
    controls,
    css`
      :host {
        display: inline-block;
      }
      .menu {
        position: fixed;
        inset: auto;
        width: max-content;
        max-width: calc(100vw - 16px);
        max-height: 60vh;
        margin: 0;
        padding: calc(var(--pk-space) * 1.5);
        overflow: auto;
        border: 1px solid var(--pk-line);
        border-radius: var(--pk-radius-large);
        background: var(--pk-surface);
        color: var(--pk-text);
        box-shadow: var(--pk-shadow);
      }
      .menu:popover-open {
        display: grid;
      }
      .menu button {
        justify-content: flex-start;
      }
      .menu p {
        max-width: 30ch;
        padding: var(--pk-space) calc(var(--pk-space) * 3);
        color: var(--pk-muted);
        font-size: var(--pk-size-tiny);
      }
    `,
  ]

  @query('.menu') private menu!: HTMLElement | null

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    if (run === undefined) return nothing
    const choice = (label: string, what: CaptureChoice, name: string): TemplateResult =>
      html`<button class="quiet" @click=${() => void this.#save(what, name)}>${label}</button>`
    return html`<button
        class="quiet only-icon"
        title="Download capture"
        aria-label="Download capture"
        popovertarget="captures"
        ?disabled=${run.state === 'loading'}
      >
        ${icon('download')}
      </button>
      <div id="captures" class="menu" popover="auto" role="group" aria-label="Download capture" @toggle=${this.#place}>
        <p>A pcapng file of what has happened so far, with the secrets of TLS where there are any. Wireshark opens it.</p>
        ${choice('Every link', { kind: 'links' }, 'links')}
        ${run.scenario.hosts.map(({ name, label }) => choice(`What ${label} saw`, { kind: 'host', host: name }, name))}
        ${
          run.trace.first('quic:connection-started') === undefined
            ? nothing
            : html`<p>A qlog file of what the ends of each connection of QUIC saw, which qvis opens.</p>
                <button class="quiet" @click=${() => void this.#saveQlog()}>QUIC connections</button>`
        }
      </div>`
  }

  readonly #place = (event: ToggleEvent): void => {
    const { menu } = this
    if (event.newState !== 'open' || menu === null) return
    this.requestUpdate()
    const anchor = this.getBoundingClientRect()
    const { width, height } = menu.getBoundingClientRect()
    menu.style.left = `${String(Math.max(8, Math.min(anchor.right - width, innerWidth - width - 8)))}px`
    menu.style.top = `${String(Math.max(8, Math.min(anchor.bottom + 4, innerHeight - height - 8)))}px`
  }

  #save(choice: CaptureChoice, name: string): Promise<void> {
    return this.#saveAs(async (run, file) => {
      const bytes = await run.capture(choice)
      download(`${file}-${name}.pcapng`, 'application/x-pcapng', bytes.slice())
    })
  }

  #saveQlog(): Promise<void> {
    return this.#saveAs(async (run, file) => {
      const text = await run.qlog()
      if (text !== undefined) download(`${file}.qlog`, 'application/qlog+json', text)
    })
  }

  async #saveAs(save: (run: Run, file: string) => Promise<void>): Promise<void> {
    const { run } = this
    if (run === undefined) return
    this.menu?.hidePopover()
    try {
      await save(run, `${run.scenario.id}-${String(run.seed)}`)
    } catch (error) {
      notify(this, { kind: 'error', text: errorWords(error) })
    }
  }
}
