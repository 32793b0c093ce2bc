/** User data of the demonstration: what it prints must tell who ran it and where. */
export const userData = `#!/bin/sh
echo "Hello from $(hostname), run by $(id -un) at the first boot" >> /var/log/hello.log
chmod 644 /var/log/hello.log
`;

/**
 * Fetches the identity document with an IMDSv2 token, in a guest that has curl, or only BusyBox: its wget cannot send
 * PUT, so that the request is written by hand.
 */
export const identityCommand = `
if command -v curl > /dev/null; then
  token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
  exec curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/dynamic/instance-identity/document
fi
token=$(printf 'PUT /latest/api/token HTTP/1.1\\r\\nHost: 169.254.169.254\\r\\nX-aws-ec2-metadata-token-ttl-seconds: 60\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n' |
  nc 169.254.169.254 80 | tr -d '\\r' | sed '1,/^$/d')
exec wget -q -O - --header "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/dynamic/instance-identity/document
`;
