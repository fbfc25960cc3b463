import { scriptReferences, styleReferences } from './code-scanner.ts'
import type { ScriptReferences, StyleReferences } from './code-scanner.ts'
import type { FetchKind } from './fetch-events.ts'
import { SourceText } from './source-text.ts'
import type { HttpUrl } from './url.ts'
import type { Fetch } from './web-fetch.ts'

/** Something that a page is made of, besides its document. */
export class PageResource {
  /** Nothing more will come: it is whole, or it failed. */
  isDone = false
  hasFailed = false
  /** Whether the load event waits for it. */
  delaysLoad = true
  /** Whether it is one of the pictures that are taken for those of the first screen. */
  isVisible = false
  /** A script that has run. */
  hasRun = false
  /** Whether a script is a module, which waits for what it imports. */
  isModule = false
  /** Modules that a script imports. */
  readonly imports: PageResource[] = []
  private readonly text: SourceText | undefined

  /**
   * @param url where it is, or where it led to
   * @param isRenderBlocking whether nothing is painted without it
   */
  constructor(
    public url: HttpUrl,
    readonly kind: FetchKind,
    public fetch: Fetch | undefined,
    readonly isRenderBlocking: boolean,
  ) {
    this.text = kind === 'stylesheet' || kind === 'script' ? new SourceText() : undefined
  }

  receive(bytes: Uint8Array): void {
    this.text?.push(bytes)
  }

  /** What a stylesheet that is whole names. */
  get styles(): StyleReferences {
    return styleReferences(this.hasFailed ? '' : (this.text?.value ?? ''))
  }

  /** What a script that is whole fetches. */
  get actions(): ScriptReferences {
    return scriptReferences(this.hasFailed ? '' : (this.text?.value ?? ''))
  }

  /** Whether a script and all that it imports are there. */
  isReady(seen = new Set<PageResource>()): boolean {
    if (seen.has(this)) return true
    seen.add(this)
    return this.isDone && this.imports.every((other) => other.isReady(seen))
  }
}
