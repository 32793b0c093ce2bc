# Applies what DHCP says of names: `search`, `domain`, `dns`. What follows a truncation is written to the disk at once, so
# an empty file, as the first start finds it, is not truncated.
write_resolv_conf() {
  [ -s /etc/resolv.conf ] && : >/etc/resolv.conf
  {
    [ -n "${search:-$domain}" ] && echo "search ${search:-$domain}"
    for server in $dns; do echo "nameserver $server"; done
  } >>/etc/resolv.conf
}
