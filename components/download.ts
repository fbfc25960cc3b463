/** Saves something as a file on the reader's machine. */
export function download(name: string, type: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser has begun to read by the next task; some need a little longer.
  setTimeout(() => {
    URL.revokeObjectURL(url)
  }, 10_000)
}
