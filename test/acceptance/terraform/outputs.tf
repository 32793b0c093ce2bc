output "account_id" {
  value = data.aws_caller_identity.this.account_id
}

output "region" {
  value = data.aws_region.this.name
}

output "subnet_zones" {
  value = [for subnet in data.aws_subnet.default : subnet.availability_zone]
}

output "vcpus" {
  value = data.aws_ec2_instance_type.chosen.default_vcpus
}

output "web_id" {
  value = aws_instance.web.id
}

output "web_public_ip" {
  value = aws_instance.web.public_ip
}

output "web_private_ip" {
  value = aws_instance.web.private_ip
}

output "web_group_id" {
  value = aws_security_group.web.id
}

output "key_fingerprint" {
  value = aws_key_pair.login.fingerprint
}

output "default_route_gateway" {
  value = one([for route in data.aws_route_table.main.routes : route.gateway_id if route.cidr_block == "0.0.0.0/0"])
}

output "internet_gateway_id" {
  value = data.aws_internet_gateway.default.id
}
