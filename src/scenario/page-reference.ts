import * as v from 'valibot'
import { choiceField, formField, numberField, strict } from './field-schema.ts'

const KINDS = ['style', 'script', 'image', 'font', 'data'] as const
const WAYS = ['blocking', 'async', 'defer', 'module', 'preload', 'preconnect', 'lazy', 'small'] as const

/**
 * How a page, a stylesheet or a script names another resource. A page can name all but data; a stylesheet names others (`@import`), pictures
 * and fonts; a script other scripts, data and pictures, which it asks for when it runs.
 */
export interface PageReference {
  /** A path, an address, or one that begins with two slashes: by the page's own scheme. */
  readonly url: string
  readonly as: (typeof KINDS)[number]
  /**
   * Scripts: blocking when absent. `preload` and `preconnect` only announce it, `lazy` pictures wait for the first paint, `small` ones are icons.
   * In a script, `module` is an import that it waits for.
   */
  readonly how?: (typeof WAYS)[number]
  /** Where in the body, 0 being its beginning and 1 its end. Absent: in the head, pictures at the beginning of the body. */
  readonly at?: number
  /** The attribute fetchpriority. */
  readonly priority?: 'high' | 'low'
}

/** A reference as an author writes it. */
export const pageReference = strict('a reference', {
  url: formField(
    'Where it is.',
    /^(\/[!-~]*|(https?:)?\/\/([a-z0-9.-]{1,63}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?\/[!-~]*)$/,
    'a path such as "/style.css", or an address such as "https://cdn/a.js" or "//cdn/a.js"',
  ),
  as: choiceField('What it is.', KINDS),
  how: v.exactOptional(
    choiceField(
      'How it is named: scripts are blocking (usual), async, defer or module; preload and preconnect announce only; pictures are lazy or small.',
      WAYS,
    ),
  ),
  at: v.exactOptional(
    numberField('Where in the body, 0 being its beginning and 1 its end; absent: in the head, pictures at the beginning.', {
      min: 0,
      max: 1,
    }),
  ),
  priority: v.exactOptional(choiceField('What the author says on its priority.', ['high', 'low'])),
})
