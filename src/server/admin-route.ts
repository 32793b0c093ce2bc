/** Where `fogbank account`, `user` and `policy` talk to the server. */
export const adminPath = '/_fogbank/admin';
/** Name in the credential scope of their signatures, so that those of AWS's services are of no use here. */
export const adminService = 'fogbank';
