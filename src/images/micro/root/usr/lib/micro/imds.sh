# Functions for the instance metadata service, version 2. busybox wget cannot PUT, so HTTP is spoken through nc.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html

# imds_request METHOD PATH HEADER: prints the body; fails unless the status is 200.
imds_request() {
  printf '%s %s HTTP/1.0\r\nHost: 169.254.169.254\r\n%s\r\n\r\n' "$1" "$2" "$3" | nc -w 2 169.254.169.254 80 2>/dev/null | {
    read -r version status reason || exit 7
    # Header lines end with CR LF; the last one is empty.
    while read -r line && [ "${#line}" -gt 1 ]; do :; done
    cat
    [ "$status" = 200 ]
  }
}

# Sets imds_token, trying for about ten seconds: the service may answer later than the first packet leaves.
imds_open() {
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    imds_token=$(imds_request PUT /latest/api/token 'X-aws-ec2-metadata-token-ttl-seconds: 21600') && return 0
    # A refusal is an answer: the service is switched off for this instance.
    [ -n "$imds_token" ] && return 1
    sleep 1
  done
  return 1
}

# imds_get PATH: PATH is relative to /latest/
imds_get() {
  imds_request GET "/latest/${1#/}" "X-aws-ec2-metadata-token: $imds_token"
}
