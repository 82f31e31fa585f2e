/** Makes a text fit for an address: lower case, words joined by `-`, marks of letters left out. */
export function slug(text) {
  return text
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
    .join('-');
}
