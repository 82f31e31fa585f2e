import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slug } from '../src/slug.js';

test('joins words, in lower case', () => assert.equal(slug('Hello, World'), 'hello-world'));
test('leaves the marks of letters out', () => assert.equal(slug('Crème brûlée'), 'creme-brulee'));
test('makes nothing of nothing', () => assert.equal(slug(' ?! '), ''));
