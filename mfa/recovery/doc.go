// Package recovery makes and reads recovery codes, such as 07-8GQ2-M4ZC-TR0X-5K.
//
// A code is a slot, which names its row, and a secret. The slot is why one try
// costs one password hash: without it, every row of the set would have to be
// tried, ten hashes for each guess of anybody. The slot says nothing about the
// secret, which alone has all the bits that are promised.
//
// The package keeps, hashes and counts nothing. Who uses it hashes a secret of 70
// bits as a password, and shows a set once.
//
// Source: NIST SP 800-63B-4 section 3.1.2 (look-up secrets), OWASP ASVS 6.5.2, and
// Crockford's base 32, whose letters are not mistaken for each other.
package recovery
